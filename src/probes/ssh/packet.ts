import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { Wire } from '../network/wire.ts'
import { encodeText, encodeUint32 } from './fields.ts'

/** RFC 4253 section 12, RFC 5656 section 7.1, RFC 4419 section 5. */
export const messages = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  debug: 4,
  kexInit: 20,
  kexInitiate: 30,
  kexReply: 31,
  groupExchangeGroup: 31,
  groupExchangeInitiate: 32,
  groupExchangeReply: 33,
  groupExchangeRequest: 34,
} as const

// RFC 4253 section 6, for unencrypted packets.
const blockBytes = 8
const minPaddingBytes = 4
const minPacketBytes = 16
const maxPacketBytes = 35_000

/** An unencrypted packet; random padding would hide nothing. */
export function encodePacket(payload: Buffer): Buffer {
  const unpadded = 5 + payload.length
  const paddingBytes = blockBytes - ((unpadded + minPaddingBytes) % blockBytes) + minPaddingBytes
  return Buffer.concat([
    encodeUint32(1 + payload.length + paddingBytes),
    Buffer.of(paddingBytes),
    payload,
    Buffer.alloc(paddingBytes),
  ])
}

/** SSH_MSG_DISCONNECT with reason 11, BY_APPLICATION (RFC 4253 section 11.1). */
export const encodeDisconnect = (description: string): Buffer =>
  encodePacket(
    Buffer.concat([Buffer.of(messages.disconnect), encodeUint32(11), encodeText(description), encodeText('')]),
  )

/**
 * The payload of the next message in `expected`; skips messages that RFC 4253 section 11 allows at any time.
 * A peer that ends the connection after its identification refuses us.
 */
export async function readMessage(wire: Wire, expected: readonly number[]): Promise<Buffer | ReasonCode> {
  for (;;) {
    const payload = await readPacket(wire)
    if (payload === 'connection-closed' || payload === 'connection-reset') return 'ssh-refused'
    if (typeof payload === 'string') return payload
    const number = payload[0] ?? 0
    if (expected.includes(number)) return payload
    if (number === messages.disconnect) return 'ssh-refused'
    const skipped = number === messages.ignore || number === messages.debug || number === messages.unimplemented
    if (!skipped) return 'protocol-violation'
  }
}

async function readPacket(wire: Wire): Promise<Buffer | ReasonCode> {
  const head = await wire.take(5)
  if (typeof head === 'string') return head
  const packetLength = head.readUInt32BE()
  const paddingBytes = head.readUInt8(4)
  const totalBytes = 4 + packetLength
  if (totalBytes < minPacketBytes || totalBytes > maxPacketBytes || totalBytes % blockBytes !== 0) {
    return 'protocol-violation'
  }
  // At least the message number.
  if (paddingBytes < minPaddingBytes || paddingBytes > packetLength - 2) return 'protocol-violation'
  const body = await wire.take(packetLength - 1)
  return typeof body === 'string' ? body : body.subarray(0, body.length - paddingBytes)
}
