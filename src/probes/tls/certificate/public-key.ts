import { hash, type X509Certificate } from 'node:crypto'
import type { TlsFacts } from '../../../domain/protocols/tls.ts'
import { type Element, elements, first, nothing } from './der.ts'

type PublicKey = NonNullable<TlsFacts['certificate']>['publicKey']

const explicitVersion = 0xa0

/** Object identifiers in DER: 1.2.840.113549.1.1.1 and .10, and the curves of FIPS 186-5 with their sizes. */
const rsaAlgorithms = new Set(['2a864886f70d010101', '2a864886f70d01010a'])
const curveBits: Record<string, number> = { '2a8648ce3d030107': 256, '2b81040022': 384, '2b81040023': 521 }

/** Type, size and fingerprint of a public key. Reads DER, because the details of a KeyObject cost more than a signature check. */
export function describeKey(certificate: X509Certificate): PublicKey {
  const spki = fieldsOf(certificate.raw).subjectPublicKeyInfo.whole
  return {
    type: certificate.publicKey.asymmetricKeyType ?? 'unknown',
    bits: sizeIn(spki) ?? sizeOf(certificate),
    sha256: hash('sha256', spki, 'hex'),
  }
}

const absent: Element = { tag: 0, content: nothing, whole: nothing }

/** Parts of a DER certificate, RFC 5280 section 4.1; empty if absent. */
export function fieldsOf(certificate: Buffer): Record<'serialNumber' | 'issuer' | 'subjectPublicKeyInfo', Element> {
  const fields = elements(first(first(certificate))).filter(({ tag }) => tag !== explicitVersion)
  const [serialNumber = absent, , issuer = absent, , , subjectPublicKeyInfo = absent] = fields
  return { serialNumber, issuer, subjectPublicKeyInfo }
}

/** Of an RSA modulus (RFC 8017) or a common curve (RFC 5480). */
function sizeIn(spki: Buffer): number | undefined {
  const [algorithm, key] = elements(first(spki))
  const [oid, parameters] = elements(algorithm?.content ?? nothing)
  if (!rsaAlgorithms.has(oid?.content.toString('hex') ?? ''))
    return curveBits[parameters?.content.toString('hex') ?? '']
  const unusedBitsLength = 1
  const modulus = first(first(key?.content.subarray(unusedBitsLength) ?? nothing))
  const start = modulus.findIndex((byte) => byte !== 0)
  return start === -1 ? undefined : 8 * (modulus.length - start) - Math.clz32(modulus[start] ?? 0) + 24
}

// Never toLegacyObject(): in Node 24 it ends the process for a curve without a NIST name, such as brainpoolP256r1.
function sizeOf({ publicKey }: X509Certificate): number | undefined {
  const { modulusLength, namedCurve } = publicKey.asymmetricKeyDetails ?? {}
  const [bits] = /\d{3}/.exec(namedCurve ?? '') ?? []
  return modulusLength ?? (bits === undefined ? undefined : Number(bits))
}
