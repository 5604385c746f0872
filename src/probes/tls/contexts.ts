import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureVersion } from 'node:tls'
import type { Authorities } from './authorities.ts'
import { createCache } from './cache.ts'

/**
 * A probe looks at what is there, so nothing is refused on this side: level 0 lets OpenSSL accept short keys, old digests and
 * TLS 1.0, and servers without RFC 5746. What a modern server picks from the offer stays the same.
 */
const anythingGoes = { secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT } as const
const modern = `${constants.defaultCoreCipherList}:@SECLEVEL=0`

/** All that OpenSSL has, so that no version is missed for want of a cipher. */
const everyCipher = [
  'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256',
  'ALL:@SECLEVEL=0',
].join(':')

interface VersionRange {
  minVersion?: string
  maxVersion?: string
}

const cached = createCache<SecureContext>(32)

/** A context that trusts these authorities. Made once for each set, as it takes milliseconds and megabytes. */
export function probeContext(authorities: Authorities, range: VersionRange = {}): SecureContext {
  const { minVersion = 'TLSv1', maxVersion = 'TLSv1.3' } = range
  return cached(`${authorities.id} ${minVersion} ${maxVersion}`, () =>
    createSecureContext({
      ...anythingGoes,
      ca: [...authorities.pems],
      ciphers: modern,
      // An authority that somebody names is trusted, be it a root or not.
      allowPartialTrustChain: true,
      ...versions(minVersion, maxVersion),
    }),
  )
}

/** A context that offers one version and every cipher, and trusts nobody. */
export function offeringContext(version: string): SecureContext {
  return cached(`only ${version}`, () =>
    createSecureContext({ ...anythingGoes, ca: [], ciphers: everyCipher, ...versions(version, version) }),
  )
}

const versions = (minVersion: string, maxVersion: string) => ({
  minVersion: minVersion as SecureVersion,
  maxVersion: maxVersion as SecureVersion,
})
