import { createHash, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { type Fields, readFields, unsignedBytes } from './fields.ts'

/** The key type and digest of an algorithm; null if the scheme hashes itself. */
interface Signing {
  keyType: keyof typeof publicKeyOf
  digest: string | null
}

/** By preference: RFC 8709, RFC 5656, RFC 8332; SHA-1 last, for old servers. */
export const hostKeyAlgorithms = {
  'ssh-ed25519': { keyType: 'ssh-ed25519', digest: null },
  'ecdsa-sha2-nistp256': { keyType: 'ecdsa-sha2-nistp256', digest: 'sha256' },
  'ecdsa-sha2-nistp384': { keyType: 'ecdsa-sha2-nistp384', digest: 'sha384' },
  'ecdsa-sha2-nistp521': { keyType: 'ecdsa-sha2-nistp521', digest: 'sha512' },
  'rsa-sha2-512': { keyType: 'ssh-rsa', digest: 'sha512' },
  'rsa-sha2-256': { keyType: 'ssh-rsa', digest: 'sha256' },
  'ssh-rsa': { keyType: 'ssh-rsa', digest: 'sha1' },
} as const satisfies Record<string, Signing>
export type HostKeyAlgorithm = keyof typeof hostKeyAlgorithms

export interface HostKey {
  type: string
  /** As `ssh-keygen -l` prints it. */
  sha256: string
  key: KeyObject
}

/** Undefined if malformed or not a key of the algorithm. */
export function parseHostKey(blob: Buffer, algorithm: HostKeyAlgorithm): HostKey | undefined {
  const type = hostKeyAlgorithms[algorithm].keyType
  const fields = readFields(blob)
  if (fields.string().toString('latin1') !== type) return undefined
  const jwk = publicKeyOf[type](fields)
  if (!fields.complete()) return undefined
  const sha256 = `SHA256:${createHash('sha256').update(blob).digest('base64').replaceAll('=', '')}`
  try {
    return { type, sha256, key: createPublicKey({ key: jwk, format: 'jwk' }) }
  } catch {
    return undefined // a wrong length, or a point off the curve
  }
}

/** Whether the host key signed `signed` with this algorithm. */
export function isSignedBy({ key }: HostKey, algorithm: HostKeyAlgorithm, signature: Buffer, signed: Buffer): boolean {
  const fields = readFields(signature)
  const madeBy = fields.string().toString('latin1')
  const value = signatureValue(key, fields.string())
  if (!fields.complete() || madeBy !== algorithm || !value) return false
  try {
    return verify(hostKeyAlgorithms[algorithm].digest, signed, { key, dsaEncoding: 'ieee-p1363' }, value)
  } catch {
    return false // a key that OpenSSL refuses, such as an oversized RSA modulus
  }
}

const base64url = (bytes: Buffer) => bytes.toString('base64url')

const publicKeyOf = {
  'ssh-ed25519': (fields) => ({ kty: 'OKP', crv: 'Ed25519', x: base64url(fields.string()) }),
  'ecdsa-sha2-nistp256': (fields) => ecdsaKey(fields, 'P-256'),
  'ecdsa-sha2-nistp384': (fields) => ecdsaKey(fields, 'P-384'),
  'ecdsa-sha2-nistp521': (fields) => ecdsaKey(fields, 'P-521'),
  'ssh-rsa': (fields) => {
    const [exponent, modulus] = [fields.mpint(), fields.mpint()]
    return { kty: 'RSA', e: base64url(unsignedBytes(exponent)), n: base64url(unsignedBytes(modulus)) }
  },
} as const satisfies Record<string, (fields: Fields) => JsonWebKey>

/** RFC 5656 section 3.1: curve name, then the uncompressed point 4, x, y. */
function ecdsaKey(fields: Fields, crv: string): JsonWebKey {
  fields.string() // the curve, known from the key type
  const point = fields.string()
  const half = (point.length - 1) / 2
  return { kty: 'EC', crv, x: base64url(point.subarray(1, 1 + half)), y: base64url(point.subarray(1 + half)) }
}

/** In OpenSSL's form; undefined if impossible for this key. */
function signatureValue(key: KeyObject, value: Buffer): Buffer | undefined {
  const details = key.asymmetricKeyDetails
  // Some signers drop leading zeros, against RFC 8332 section 3.
  if (details?.modulusLength) return leftPadded(value, Math.ceil(details.modulusLength / 8))
  if (!details?.namedCurve) return value
  const fields = readFields(value)
  const scalarBytes = scalarBytesOf[details.namedCurve] ?? 0
  const [r, s] = [fields.mpint(), fields.mpint()].map((part) => leftPadded(unsignedBytes(part), scalarBytes))
  return fields.complete() && r && s ? Buffer.concat([r, s]) : undefined
}

const scalarBytesOf: Record<string, number> = { prime256v1: 32, secp384r1: 48, secp521r1: 66 }

const leftPadded = (bytes: Buffer, length: number): Buffer | undefined =>
  bytes.length <= length ? Buffer.concat([Buffer.alloc(length - bytes.length), bytes]) : undefined
