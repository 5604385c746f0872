import {
  createECDH,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  getDiffieHellman,
  randomBytes,
} from 'node:crypto'
import { required } from '../../runtime/required.ts'
import { mpintBytes, toBigInt, unsignedBytes } from './fields.ts'
import type { Kem } from './kem.ts'

/** Our half of a key agreement. */
export interface KeyShare {
  /** Its encoding on the wire: a point, an mpint, or a KEM key and a point. */
  sent: Buffer
  /** The shared secret, big-endian; undefined if `received` is not a valid public value. */
  secretWith(received: Buffer): Buffer | undefined
}

/** RFC 8731. */
export function shareMontgomery(curve: 'X25519' | 'X448'): KeyShare {
  const { privateKey, publicKey } = curve === 'X25519' ? generateKeyPairSync('x25519') : generateKeyPairSync('x448')
  return {
    sent: Buffer.from(required(publicKey.export({ format: 'jwk' }).x, 'x of the public key'), 'base64url'),
    secretWith(received) {
      try {
        const jwk = { kty: 'OKP', crv: curve, x: received.toString('base64url') }
        return diffieHellman({ privateKey, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) })
      } catch {
        return undefined // a wrong length, or an all-zero secret (RFC 8731 section 3)
      }
    },
  }
}

/** RFC 5656. */
export function shareEcdh(curve: string): KeyShare {
  const ecdh = createECDH(curve)
  return {
    sent: ecdh.generateKeys(),
    secretWith(received) {
      try {
        return ecdh.computeSecret(received)
      } catch {
        return undefined // a point off the curve
      }
    },
  }
}

/** RFC 10042 section 2, RFC 9941 section 3: the KEM's part comes first in every message and under the hash. */
export function shareHybrid(hash: string, kem: Kem, classical: KeyShare): KeyShare {
  return {
    sent: Buffer.concat([kem.publicKey, classical.sent]),
    secretWith(received) {
      const secrets = [
        kem.decapsulate(received.subarray(0, kem.ciphertextBytes)),
        classical.secretWith(received.subarray(kem.ciphertextBytes)),
      ]
      const [first, second] = secrets
      return first && second && createHash(hash).update(first).update(second).digest()
    },
  }
}

/** RFC 8268. */
export const shareModp = (group: string): KeyShare => shareDh(primeOf(group), 2n)

const primes = new Map<string, bigint>()

// Cached, because OpenSSL checks the prime of modp2 each time, for 28 ms.
function primeOf(group: string): bigint {
  const prime = primes.get(group) ?? toBigInt(getDiffieHellman(group).getPrime())
  primes.set(group, prime)
  return prime
}

/**
 * Diffie-Hellman with BigInt: node:crypto would test an unknown 4096-bit prime for 3 s, which any peer could provoke.
 * A short exponent and variable time are fine, because the secret protects nothing.
 */
export function shareDh(prime: bigint, generator: bigint): KeyShare {
  const exponent = toBigInt(randomBytes(32))
  return {
    sent: mpintBytes(power(generator, exponent, prime)),
    secretWith(received) {
      const value = toBigInt(received)
      const valid = value > 1n && value < prime - 1n // RFC 4253 section 8, without 1 and p-1
      return valid ? unsignedBytes(power(value, exponent, prime)) : undefined
    },
  }
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  let square = base % modulus
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}
