import { createHash } from 'node:crypto'
import type { Kem } from './kem.ts'

// Parameters and encodings of Streamlined NTRU Prime 761: https://ntruprime.cr.yp.to/nist/ntruprime-20201007.pdf
const p = 761
const q = 4591
const zero = (q - 1) / 2
const ciphertextBytes = 1039
const confirmationBytes = 32
/** A modulus from here on gives its lowest byte away. */
const limit = 16_384

/**
 * sntrup761 (RFC 9941) with the constant polynomial 3 as public key. The server multiplies its secret r by the key, and
 * rounds to multiples of 3: it sends 3r unchanged. So neither key generation nor decryption is needed, and the secret is
 * none, which is fine: it protects nothing, and the cookie and the curve share keep the exchange fresh.
 */
export const openSntrup761: Kem = {
  publicKey: encode([zero + 3, ...Array<number>(p - 1).fill(zero)], Array<number>(p).fill(q)),
  ciphertextBytes,
  decapsulate(ciphertext) {
    if (ciphertext.length !== ciphertextBytes) return undefined
    const thirds = decode(ciphertext.subarray(0, -confirmationBytes), Array<number>(p).fill((q + 2) / 3))
    const secret = thirds.map((third) => third - zero / 3)
    if (!secret.every((value) => Math.abs(value) <= 1)) return undefined
    const encoded = hash(3, encodeSmall(secret))
    const confirmation = hash(2, encoded, hash(4, openSntrup761.publicKey))
    if (!ciphertext.subarray(-confirmationBytes).equals(confirmation)) return undefined
    return hash(1, encoded, ciphertext)
  },
}

const hash = (prefix: number, ...parts: Buffer[]): Buffer =>
  createHash('sha512')
    .update(Buffer.concat([Buffer.of(prefix), ...parts]))
    .digest()
    .subarray(0, 32)

/** Four values of -1, 0 or 1 in each byte. */
function encodeSmall(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(Math.ceil(values.length / 4))
  for (const [i, value] of values.entries()) bytes[i >> 2] = (bytes[i >> 2] ?? 0) + ((value + 1) << (2 * (i & 3)))
  return bytes
}

/** Values below their moduli as bytes, pair by pair. */
function encode(values: readonly number[], moduli: readonly number[]): Buffer {
  const bytes: number[] = []
  const isLast = values.length === 1
  const [nextValues, nextModuli]: [number[], number[]] = [[], []]
  for (let i = 0; i < values.length; i += 2) {
    const [low = 0, high = 0] = values.slice(i, i + 2)
    const [lowModulus = 1, highModulus = 1] = moduli.slice(i, i + 2)
    let value = low + high * lowModulus
    let modulus = lowModulus * highModulus
    while (modulus >= limit || (isLast && modulus > 1)) {
      bytes.push(value & 255)
      value >>= 8
      modulus = Math.ceil(modulus / 256)
    }
    nextValues.push(value)
    nextModuli.push(modulus)
  }
  return isLast ? Buffer.from(bytes) : Buffer.concat([Buffer.from(bytes), encode(nextValues, nextModuli)])
}

/** The inverse; bytes that no values encode give other values. */
function decode(bytes: Buffer, moduli: readonly number[]): number[] {
  const isLast = moduli.length === 1
  const lowest: { value: number; scale: number }[] = []
  const nextModuli: number[] = []
  let offset = 0
  for (let i = 0; i < moduli.length; i += 2) {
    let modulus = (moduli[i] ?? 1) * (moduli[i + 1] ?? 1)
    const low = { value: 0, scale: 1 }
    while (modulus >= limit || (isLast && modulus > 1)) {
      low.value += (bytes[offset] ?? 0) * low.scale
      low.scale *= 256
      modulus = Math.ceil(modulus / 256)
      offset += 1
    }
    lowest.push(low)
    nextModuli.push(modulus)
  }
  const upper = isLast ? [0] : decode(bytes.subarray(offset), nextModuli)
  return lowest.flatMap(({ value, scale }, pair) => {
    const [modulus = 1, ...more] = moduli.slice(2 * pair, 2 * pair + 2)
    const both = value + scale * (upper[pair] ?? 0)
    return [both % modulus, ...more.map((next) => Math.floor(both / modulus) % next)]
  })
}
