import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { encodeString, encodeText, readFields, toBigInt, unsignedBytes } from './fields.ts'

export interface PublicKey {
  /** The type as the key names it; keys of unknown types have no `key`. */
  type: string
  /** As `ssh-keygen -l` prints it. */
  sha256: string
  key?: KeyObject | undefined
}

/** The fields of each key type after its name, and how they make a key. */
const keyTypes = {
  'ssh-ed25519': { fields: 1, decode: ([x]) => edwardsKey('Ed25519', x) }, // RFC 8709
  'ssh-ed448': { fields: 1, decode: ([x]) => edwardsKey('Ed448', x) },
  'ecdsa-sha2-nistp256': { fields: 2, decode: ([, point]) => ecdsaKey('P-256', point) }, // RFC 5656 section 3.1
  'ecdsa-sha2-nistp384': { fields: 2, decode: ([, point]) => ecdsaKey('P-384', point) },
  'ecdsa-sha2-nistp521': { fields: 2, decode: ([, point]) => ecdsaKey('P-521', point) },
  'ssh-rsa': { fields: 2, decode: ([e, n]) => jwkKey({ kty: 'RSA', e: unsigned(e), n: unsigned(n) }) }, // RFC 4253 section 6.6
  'ssh-dss': { fields: 4, decode: dsaKey },
} as const satisfies Record<string, { fields: number; decode: (fields: Buffer[]) => KeyObject }>
export type KeyType = keyof typeof keyTypes

export const isKeyType = (type: string): type is KeyType => Object.hasOwn(keyTypes, type)

/** How many fields a key of this type has after its name. */
export const fieldsOf = (type: KeyType): number => keyTypes[type].fields

// 16,384 bits, as OpenSSH allows (SSHBUF_MAX_BIGNUM): OpenSSL computes for seconds with a million bits.
const maxNumberBytes = 2048 + 1

/** Undefined if malformed. */
export function readPublicKey(blob: Buffer): PublicKey | undefined {
  const fields = readFields(blob)
  const type = fields.string().toString('latin1')
  const sha256 = `SHA256:${createHash('sha256').update(blob).digest('base64').replaceAll('=', '')}`
  if (!isKeyType(type)) return { type, sha256 }
  const parts = Array.from({ length: fieldsOf(type) }, () => fields.string())
  if (!fields.complete() || parts.some(({ length }) => length > maxNumberBytes)) return undefined
  try {
    return { type, sha256, key: keyTypes[type].decode(parts) }
  } catch {
    return undefined // a wrong length, a negative number, or a point off the curve
  }
}

export const encodePublicKey = (type: KeyType, fields: readonly Buffer[]): Buffer =>
  Buffer.concat([encodeText(type), ...fields.map(encodeString)])

const base64url = (bytes: Buffer) => bytes.toString('base64url')
const jwkKey = (key: JsonWebKey) => createPublicKey({ key, format: 'jwk' })

const edwardsKey = (crv: string, x: Buffer = Buffer.alloc(0)) => jwkKey({ kty: 'OKP', crv, x: base64url(x) })

/** Of the uncompressed point 4, x, y. */
function ecdsaKey(crv: string, point: Buffer = Buffer.alloc(0)): KeyObject {
  const half = (point.length - 1) / 2
  return jwkKey({ kty: 'EC', crv, x: base64url(point.subarray(1, 1 + half)), y: base64url(point.subarray(1 + half)) })
}

function unsigned(mpint: Buffer = Buffer.alloc(0)): string {
  if ((mpint[0] ?? 0) >= 0x80) throw new RangeError('a negative number')
  return base64url(unsignedBytes(toBigInt(mpint)))
}

/** p, q, g and y; only DER has a form for them (RFC 3279 section 2.3.2). */
function dsaKey(numbers: Buffer[]): KeyObject {
  const [p, q, g, y] = numbers.map((number) => der(2, number))
  const parameters = der(0x30, Buffer.concat([p, q, g].flatMap((number) => number ?? [])))
  const algorithm = der(0x30, Buffer.concat([Buffer.from('06072a8648ce380401', 'hex'), parameters]))
  const key = der(3, Buffer.concat([Buffer.of(0), y ?? Buffer.alloc(0)]))
  return createPublicKey({ key: der(0x30, Buffer.concat([algorithm, key])), format: 'der', type: 'spki' })
}

function der(tag: number, content: Buffer): Buffer {
  const length = unsignedBytes(BigInt(content.length))
  const short = content.length < 0x80
  return Buffer.concat([
    short ? Buffer.of(tag, content.length) : Buffer.of(tag, 0x80 | length.length),
    ...(short ? [] : [length]),
    content,
  ])
}
