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

/** What few servers demand and many clients do not offer; `?` passes over a name that OpenSSL does not know. */
const rareGroups = [
  ...['brainpoolP256r1', 'brainpoolP384r1', 'brainpoolP512r1'],
  ...['brainpoolP256r1tls13', 'brainpoolP384r1tls13', 'brainpoolP512r1tls13'],
  ...[
    'secp256k1',
    'secp224r1',
    'secp192r1',
    'sect571r1',
    'sect571k1',
    'sect409r1',
    'sect409k1',
    'sect283r1',
    'sect283k1',
  ],
  ...['SecP256r1MLKEM768', 'SecP384r1MLKEM1024', 'MLKEM512', 'MLKEM768', 'MLKEM1024'],
  ...['ffdhe2048', 'ffdhe3072', 'ffdhe4096', 'ffdhe6144', 'ffdhe8192'],
]
const everyGroup = ['X25519MLKEM768', 'X25519', 'P-256', 'X448', 'P-384', 'P-521', ...rareGroups]
  .map((name) => `?${name}`)
  .join(':')

interface Offer {
  minVersion?: string
  maxVersion?: string
  /** Every cipher that authenticates the peer and every group, which few clients offer. */
  everything?: boolean
}

const cached = createCache<SecureContext>(32)

/** A cached context that trusts these authorities; each costs milliseconds and megabytes. */
export function probeContext(authorities: Authorities, offer: Offer = {}): SecureContext {
  const { minVersion = 'TLSv1', maxVersion = 'TLSv1.3', everything = false } = offer
  return cached(`${authorities.id} ${minVersion} ${maxVersion} ${everything}`, () =>
    createSecureContext({
      ...acceptLegacy,
      ca: [...authorities.pems],
      ...(everything ? { ciphers: `${everyCipher}:!aNULL`, ecdhCurve: everyGroup } : { ciphers: modern }),
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
