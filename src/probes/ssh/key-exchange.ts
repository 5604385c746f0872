import { createHash } from 'node:crypto'
import type { Wire } from '../network/wire.ts'
import { encodeMpint, encodeString, encodeUint32, readFields, toBigInt } from './fields.ts'
import { createMlKem } from './kem.ts'
import { type KeyShare, shareDh, shareEcdh, shareHybrid, shareModp, shareMontgomery } from './key-shares.ts'
import { type Broken, broken, encodePacket, isBroken, messages, readMessage } from './packet.ts'
import { openSntrup761 } from './sntrup761.ts'

interface Method {
  hash: string
  /** Absent if the server chooses the group (RFC 4419). */
  share?: () => KeyShare
  /** A hybrid hashes its secret as a string, not as an mpint. */
  isHybrid?: true
}

const sntrup761 = {
  hash: 'sha512',
  share: () => shareHybrid('sha512', openSntrup761, shareMontgomery('X25519')),
  isHybrid: true,
} as const

/** By preference: RFC 8731, RFC 5656, RFC 8268, RFC 4419, RFC 10042, RFC 9941; SHA-1 last, for old servers. */
export const kexMethods = {
  'curve25519-sha256': { hash: 'sha256', share: () => shareMontgomery('X25519') },
  'curve25519-sha256@libssh.org': { hash: 'sha256', share: () => shareMontgomery('X25519') },
  'ecdh-sha2-nistp256': { hash: 'sha256', share: () => shareEcdh('prime256v1') },
  'ecdh-sha2-nistp384': { hash: 'sha384', share: () => shareEcdh('secp384r1') },
  'ecdh-sha2-nistp521': { hash: 'sha512', share: () => shareEcdh('secp521r1') },
  'curve448-sha512': { hash: 'sha512', share: () => shareMontgomery('X448') },
  'diffie-hellman-group14-sha256': { hash: 'sha256', share: () => shareModp('modp14') },
  'diffie-hellman-group-exchange-sha256': { hash: 'sha256' },
  'diffie-hellman-group15-sha512': { hash: 'sha512', share: () => shareModp('modp15') },
  'diffie-hellman-group16-sha512': { hash: 'sha512', share: () => shareModp('modp16') },
  'diffie-hellman-group17-sha512': { hash: 'sha512', share: () => shareModp('modp17') },
  'diffie-hellman-group18-sha512': { hash: 'sha512', share: () => shareModp('modp18') },
  'mlkem768x25519-sha256': {
    hash: 'sha256',
    share: () => shareHybrid('sha256', createMlKem('ml-kem-768'), shareMontgomery('X25519')),
    isHybrid: true,
  },
  'mlkem768nistp256-sha256': {
    hash: 'sha256',
    share: () => shareHybrid('sha256', createMlKem('ml-kem-768'), shareEcdh('prime256v1')),
    isHybrid: true,
  },
  'mlkem1024nistp384-sha384': {
    hash: 'sha384',
    share: () => shareHybrid('sha384', createMlKem('ml-kem-1024'), shareEcdh('secp384r1')),
    isHybrid: true,
  },
  'sntrup761x25519-sha512': sntrup761,
  'sntrup761x25519-sha512@openssh.com': sntrup761,
  'diffie-hellman-group14-sha1': { hash: 'sha1', share: () => shareModp('modp14') },
  'diffie-hellman-group-exchange-sha1': { hash: 'sha1' },
  'diffie-hellman-group1-sha1': { hash: 'sha1', share: () => shareModp('modp2') },
} as const satisfies Record<string, Method>
export type KexMethod = keyof typeof kexMethods

/** The result of a key exchange, not verified yet. */
export interface KeyExchange {
  /** A public key, or a certificate. */
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
): Promise<KeyExchange | Broken> {
  const { hash, share, isHybrid }: Method = kexMethods[name]
  const setting = share ? { ...fixedGroup, share: share() } : await requestGroup(wire)
  if (isBroken(setting)) return setting
  const sent = encodeString(setting.share.sent)
  wire.send(encodePacket(Buffer.concat([Buffer.of(setting.initiate), sent])))
  const reply = await readMessage(wire, [setting.reply])
  if (isBroken(reply)) return reply
  const fields = readFields(reply.subarray(1))
  const [hostKey, received, signature] = [fields.string(), fields.string(), fields.string()]
  const secret = fields.complete() ? setting.share.secretWith(received) : undefined
  if (secret === undefined) return broken('protocol-violation')
  const secretField = isHybrid ? encodeString(secret) : encodeMpint(toBigInt(secret))
  const exchangeHash = createHash(hash)
  for (const part of [...opening, hostKey]) exchangeHash.update(encodeString(part))
  exchangeHash.update(setting.groupFields).update(sent).update(encodeString(received)).update(secretField)
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

async function requestGroup(wire: Wire): Promise<Setting | Broken> {
  const request = Buffer.concat([groupBits.min, groupBits.preferred, groupBits.max].map(encodeUint32))
  wire.send(encodePacket(Buffer.concat([Buffer.of(messages.groupExchangeRequest), request])))
  const group = await readMessage(wire, [messages.groupExchangeGroup])
  if (isBroken(group)) return group
  const fields = readFields(group.subarray(1))
  const [prime, generator] = [fields.mpint(), fields.mpint()]
  const bits = prime.toString(2).length
  const fits = bits >= groupBits.min && bits <= groupBits.max && prime % 2n === 1n
  if (!fields.complete() || !fits || generator < 2n || generator > prime - 2n) return broken('protocol-violation')
  return {
    share: shareDh(prime, generator),
    initiate: messages.groupExchangeInitiate,
    reply: messages.groupExchangeReply,
    groupFields: Buffer.concat([request, group.subarray(1)]),
  }
}
