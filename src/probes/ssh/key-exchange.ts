import {
  createECDH,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  getDiffieHellman,
  randomBytes,
} from 'node:crypto'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import { required } from '../../runtime/required.ts'
import type { Wire } from '../network/wire.ts'
import { encodeMpint, encodeString, encodeUint32, mpintBytes, readFields, toBigInt } from './fields.ts'
import { encodePacket, messages, readMessage } from './packet.ts'

/** Our half of a key agreement. */
interface KeyShare {
  /** Its encoding on the wire: a point, or an mpint. */
  sent: Buffer
  /** The shared secret; undefined if `received` is not a valid public value. */
  secretWith(received: Buffer): bigint | undefined
}

interface Method {
  hash: string
  /** Absent if the server chooses the group (RFC 4419). */
  share?: () => KeyShare
}

/** By preference: RFC 8731, RFC 5656, RFC 8268, RFC 4419; SHA-1 last, for old servers. */
export const kexMethods = {
  'curve25519-sha256': { hash: 'sha256', share: shareX25519 },
  'curve25519-sha256@libssh.org': { hash: 'sha256', share: shareX25519 },
  'ecdh-sha2-nistp256': { hash: 'sha256', share: () => shareEcdh('prime256v1') },
  'ecdh-sha2-nistp384': { hash: 'sha384', share: () => shareEcdh('secp384r1') },
  'ecdh-sha2-nistp521': { hash: 'sha512', share: () => shareEcdh('secp521r1') },
  'diffie-hellman-group14-sha256': { hash: 'sha256', share: () => shareModp('modp14') },
  'diffie-hellman-group-exchange-sha256': { hash: 'sha256' },
  'diffie-hellman-group16-sha512': { hash: 'sha512', share: () => shareModp('modp16') },
  'diffie-hellman-group18-sha512': { hash: 'sha512', share: () => shareModp('modp18') },
  'diffie-hellman-group14-sha1': { hash: 'sha1', share: () => shareModp('modp14') },
  'diffie-hellman-group-exchange-sha1': { hash: 'sha1' },
  'diffie-hellman-group1-sha1': { hash: 'sha1', share: () => shareModp('modp2') },
} as const satisfies Record<string, Method>
export type KexMethod = keyof typeof kexMethods

/** The result of a key exchange, not verified yet. */
interface KeyExchange {
  hostKey: Buffer
  signature: Buffer
  /** What the signature covers. */
  exchangeHash: Buffer
}

/**
 * Runs the key exchange up to the server's signed reply. `opening` starts the exchange hash (RFC 4253 section 8): both
 * identifications, then both KEXINIT payloads, the client's first.
 */
export async function exchangeKeys(
  wire: Wire,
  name: KexMethod,
  opening: readonly Buffer[],
): Promise<KeyExchange | ReasonCode> {
  const { hash, share }: Method = kexMethods[name]
  const setting = share ? { ...fixedGroup, share: share() } : await requestGroup(wire)
  if (typeof setting === 'string') return setting
  const sent = encodeString(setting.share.sent)
  wire.send(encodePacket(Buffer.concat([Buffer.of(setting.initiate), sent])))
  const reply = await readMessage(wire, [setting.reply])
  if (typeof reply === 'string') return reply
  const fields = readFields(reply.subarray(1))
  const [hostKey, received, signature] = [fields.string(), fields.string(), fields.string()]
  const secret = fields.complete() ? setting.share.secretWith(received) : undefined
  if (secret === undefined) return 'protocol-violation'
  const exchangeHash = createHash(hash)
  for (const part of [...opening, hostKey]) exchangeHash.update(encodeString(part))
  exchangeHash.update(setting.groupFields).update(sent).update(encodeString(received)).update(encodeMpint(secret))
  return { hostKey, signature, exchangeHash: exchangeHash.digest() }
}

interface Setting {
  share: KeyShare
  initiate: number
  reply: number
  /** The group's part of the exchange hash. */
  groupFields: Buffer
}

const fixedGroup = { initiate: messages.kexInitiate, reply: messages.kexReply, groupFields: Buffer.alloc(0) }

// RFC 4419 section 3. Old servers stop at 1024; above 4096 the arithmetic is slow.
const groupBits = { min: 1024, preferred: 2048, max: 4096 }

async function requestGroup(wire: Wire): Promise<Setting | ReasonCode> {
  const request = Buffer.concat([groupBits.min, groupBits.preferred, groupBits.max].map(encodeUint32))
  wire.send(encodePacket(Buffer.concat([Buffer.of(messages.groupExchangeRequest), request])))
  const group = await readMessage(wire, [messages.groupExchangeGroup])
  if (typeof group === 'string') return group
  const fields = readFields(group.subarray(1))
  const [prime, generator] = [fields.mpint(), fields.mpint()]
  const bits = prime.toString(2).length
  const fits = bits >= groupBits.min && bits <= groupBits.max && prime % 2n === 1n
  if (!fields.complete() || !fits || generator < 2n || generator > prime - 2n) return 'protocol-violation'
  return {
    share: shareDh(prime, generator),
    initiate: messages.groupExchangeInitiate,
    reply: messages.groupExchangeReply,
    groupFields: Buffer.concat([request, group.subarray(1)]),
  }
}

function shareX25519(): KeyShare {
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  return {
    sent: Buffer.from(required(publicKey.export({ format: 'jwk' }).x, 'x of the public key'), 'base64url'),
    secretWith(received) {
      try {
        const jwk = { kty: 'OKP', crv: 'X25519', x: received.toString('base64url') }
        const peer = createPublicKey({ key: jwk, format: 'jwk' })
        return toBigInt(diffieHellman({ privateKey, publicKey: peer }))
      } catch {
        return undefined // not 32 bytes, or an all-zero secret (RFC 8731 section 3)
      }
    },
  }
}

function shareEcdh(curve: string): KeyShare {
  const ecdh = createECDH(curve)
  return {
    sent: ecdh.generateKeys(),
    secretWith(received) {
      try {
        return toBigInt(ecdh.computeSecret(received))
      } catch {
        return undefined // a point off the curve
      }
    },
  }
}

const shareModp = (group: string): KeyShare => shareDh(primeOf(group), 2n)

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
function shareDh(prime: bigint, generator: bigint): KeyShare {
  const exponent = toBigInt(randomBytes(32))
  return {
    sent: mpintBytes(power(generator, exponent, prime)),
    secretWith(received) {
      const value = toBigInt(received)
      const valid = value > 1n && value < prime - 1n // RFC 4253 section 8, without 1 and p-1
      return valid ? power(value, exponent, prime) : undefined
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
