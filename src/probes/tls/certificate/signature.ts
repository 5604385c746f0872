import { constants, type KeyObject, verify, type X509Certificate } from 'node:crypto'
import { elements, first, nothing } from './der.ts'

/** Hash algorithms by object identifier in DER. */
const sha1 = '2b0e03021a'
export const hashes: Record<string, string> = {
  [sha1]: 'SHA1',
  '608648016503040204': 'SHA224',
  '608648016503040201': 'SHA256',
  '608648016503040202': 'SHA384',
  '608648016503040203': 'SHA512',
}
const hashParameter = 0xa0

/** The signature algorithm as OpenSSL names it; for RSASSA-PSS with its hash, such as `RSASSA-PSS-SHA256`. */
export function signatureAlgorithmOf(certificate: X509Certificate): string | undefined {
  const { signatureAlgorithm } = certificate
  return signatureAlgorithm === 'rsassaPss' ? `RSASSA-PSS-${pssHash(certificate.raw)}` : signatureAlgorithm
}

/** Whether the hash has less than 112 bits of security: MD2, MD4, MD5, MDC-2, RIPEMD-160, SHA-0 and SHA-1. */
export const isWeaklySigned = (certificate: X509Certificate): boolean =>
  /md[245c]|ripemd|sha-?1(?!\d)|sha(?=with|$)/i.test(signatureAlgorithmOf(certificate) ?? '')

/** Signature algorithms by object identifier in DER, with their hash; those without one sign the message itself. */
const algorithms: Record<string, string | null> = {
  '2a864886f70d01010e': 'SHA224',
  '2a864886f70d01010b': 'SHA256',
  '2a864886f70d01010c': 'SHA384',
  '2a864886f70d01010d': 'SHA512',
  '2a8648ce3d040301': 'SHA224',
  '2a8648ce3d040302': 'SHA256',
  '2a8648ce3d040303': 'SHA384',
  '2a8648ce3d040304': 'SHA512',
  '2b6570': null,
  '2b6571': null,
  '608648016503040311': null,
  '608648016503040312': null,
  '608648016503040313': null,
}
const rsassaPss = '2a864886f70d01010a'

/** A signature beside its algorithm; never valid with MD5, SHA-1 or an algorithm that is not listed above. */
export function verifySignature(
  whole: Buffer,
  { signed, signature, publicKey }: { signed: Buffer; signature: Buffer; publicKey: KeyObject },
): boolean {
  const [, algorithm] = elements(first(whole))
  const oid = first(algorithm?.content ?? nothing).toString('hex')
  const isPss = oid === rsassaPss
  const digest = isPss ? pssHash(whole) : algorithms[oid]
  if (digest === undefined || digest === 'SHA1') return false
  const padding = isPss ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO } : {}
  try {
    return verify(digest, signed, { key: publicKey, ...padding }, signature)
  } catch {
    return false // a key of another type
  }
}

// RFC 4055 section 3.1: without the parameter it is SHA-1.
function pssHash(whole: Buffer): string {
  const [, algorithm] = elements(first(whole))
  const [, parameters] = elements(algorithm?.content ?? nothing)
  const hash = elements(parameters?.content ?? nothing).find(({ tag }) => tag === hashParameter)
  const oid = hash ? first(first(hash.content)).toString('hex') : sha1
  return hashes[oid] ?? oid
}
