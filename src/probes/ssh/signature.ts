import { type KeyObject, verify } from 'node:crypto'
import { readFields, unsignedBytes } from './fields.ts'
import type { KeyType, PublicKey } from './public-key.ts'

/** The key type and digest of an algorithm; null if the scheme hashes itself. */
interface Signing {
  keyType: KeyType
  digest: string | null
}

/** By preference: RFC 8709, RFC 5656, RFC 8332; SHA-1 last, for old servers. */
export const signatureAlgorithms = {
  'ssh-ed25519': { keyType: 'ssh-ed25519', digest: null },
  'ecdsa-sha2-nistp256': { keyType: 'ecdsa-sha2-nistp256', digest: 'sha256' },
  'ecdsa-sha2-nistp384': { keyType: 'ecdsa-sha2-nistp384', digest: 'sha384' },
  'ecdsa-sha2-nistp521': { keyType: 'ecdsa-sha2-nistp521', digest: 'sha512' },
  'ssh-ed448': { keyType: 'ssh-ed448', digest: null },
  'rsa-sha2-512': { keyType: 'ssh-rsa', digest: 'sha512' },
  'rsa-sha2-256': { keyType: 'ssh-rsa', digest: 'sha256' },
  'ssh-rsa': { keyType: 'ssh-rsa', digest: 'sha1' },
  'ssh-dss': { keyType: 'ssh-dss', digest: 'sha1' },
} as const satisfies Record<string, Signing>
export type SignatureAlgorithm = keyof typeof signatureAlgorithms

const isAlgorithm = (name: string): name is SignatureAlgorithm => Object.hasOwn(signatureAlgorithms, name)

/** Whether the key signed `signed`, with this algorithm or with any of its type. */
export function isSignedBy(
  { type, key }: PublicKey,
  signature: Buffer,
  signed: Buffer,
  algorithm?: SignatureAlgorithm,
): boolean {
  const fields = readFields(signature)
  const madeBy = fields.string().toString('latin1')
  const bytes = fields.string()
  if (!key || !fields.complete() || !isAlgorithm(madeBy) || madeBy !== (algorithm ?? madeBy)) return false
  const { keyType, digest } = signatureAlgorithms[madeBy]
  const value = signatureValue(key, bytes)
  if (keyType !== type || !value) return false
  try {
    return verify(digest, signed, { key, dsaEncoding: 'ieee-p1363' }, value)
  } catch {
    return false // a key that OpenSSL refuses, such as an oversized RSA modulus
  }
}

/** In OpenSSL's form; undefined if impossible for this key. */
function signatureValue(key: KeyObject, value: Buffer): Buffer | undefined {
  const details = key.asymmetricKeyDetails
  // Some signers drop leading zeros, against RFC 8332 section 3.
  if (key.asymmetricKeyType === 'rsa') return leftPadded(value, Math.ceil((details?.modulusLength ?? 0) / 8))
  if (!details?.namedCurve) return value
  const fields = readFields(value)
  const scalarBytes = scalarBytesOf[details.namedCurve] ?? 0
  const [r, s] = [fields.mpint(), fields.mpint()].map((part) => leftPadded(unsignedBytes(part), scalarBytes))
  return fields.complete() && r && s ? Buffer.concat([r, s]) : undefined
}

const scalarBytesOf: Record<string, number> = { prime256v1: 32, secp384r1: 48, secp521r1: 66 }

const leftPadded = (bytes: Buffer, length: number): Buffer | undefined =>
  bytes.length <= length ? Buffer.concat([Buffer.alloc(length - bytes.length), bytes]) : undefined
