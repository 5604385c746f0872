import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureVersion } from 'node:tls'
import { createCache } from './cache.ts'
import type { Authorities } from './certificate/authorities.ts'

/** A probe must accept every server: level 0 allows short keys, old digests and TLS 1.0, the option a missing RFC 5746. */
const acceptLegacy = { secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT } as const
const modern = `${constants.defaultCoreCipherList}:@SECLEVEL=0`

/** Every cipher of OpenSSL, so that no version fails for lack of one. */
const everyCipher = [
  'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256',
  'ALL:@SECLEVEL=0',
].join(':')

interface VersionRange {
  minVersion?: string
  maxVersion?: string
}

const cached = createCache<SecureContext>(32)

/** A cached context that trusts these authorities; each costs milliseconds and megabytes. */
export function probeContext(authorities: Authorities, range: VersionRange = {}): SecureContext {
  const { minVersion = 'TLSv1', maxVersion = 'TLSv1.3' } = range
  return cached(`${authorities.id} ${minVersion} ${maxVersion}`, () =>
    createSecureContext({
      ...acceptLegacy,
      ca: [...authorities.pems],
      ciphers: modern,
      // A configured authority is trusted even if it is not a root.
      allowPartialTrustChain: true,
      ...versions(minVersion, maxVersion),
    }),
  )
}

/** A context with one version, every cipher and no trust anchor. */
export function offeringContext(version: string): SecureContext {
  return cached(`only ${version}`, () =>
    createSecureContext({ ...acceptLegacy, ca: [], ciphers: everyCipher, ...versions(version, version) }),
  )
}

const versions = (minVersion: string, maxVersion: string) => ({
  minVersion: minVersion as SecureVersion,
  maxVersion: maxVersion as SecureVersion,
})
