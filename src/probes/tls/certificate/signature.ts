import type { X509Certificate } from 'node:crypto'
import { elements, first, nothing } from './der.ts'

/** Hash algorithms by object identifier in DER. */
const sha1 = '2b0e03021a'
const hashes: Record<string, string> = {
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

/** Whether collisions of the hash can be made: MD2, MD4, MD5 and SHA-1. */
export const isWeaklySigned = (certificate: X509Certificate): boolean =>
  /md[245]|sha-?1(?!\d)/i.test(signatureAlgorithmOf(certificate) ?? '')

// RFC 4055 section 3.1: without the parameter it is SHA-1.
function pssHash(certificate: Buffer): string {
  const [, algorithm] = elements(first(certificate))
  const [, parameters] = elements(algorithm?.content ?? nothing)
  const hash = elements(parameters?.content ?? nothing).find(({ tag }) => tag === hashParameter)
  const oid = hash ? first(first(hash.content)).toString('hex') : sha1
  return hashes[oid] ?? oid
}
