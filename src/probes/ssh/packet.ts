import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { SshFacts } from '../../domain/protocols/ssh.ts'
import { escapeControls } from '../../encoding/text.ts'
import type { Wire } from '../network/wire.ts'
import { encodeText, encodeUint32, readFields } from './fields.ts'

/** RFC 4253 section 12, RFC 5656 section 7.1, RFC 4419 section 5. */
export const messages = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  debug: 4,
  kexInit: 20,
  newKeys: 21,
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
/** As OpenSSH allows, PACKET_MAX_SIZE; RFC 4253 asks for 35,000. */
export const maxPacketBytes = 262_144

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

/** Why a conversation ended before its next message. */
export interface Broken {
  reason: ReasonCode
  facts: Pick<SshFacts, 'refusal'>
}

export const broken = (reason: ReasonCode, facts: Broken['facts'] = {}): Broken => ({ reason, facts })
export const isBroken = (read: object): read is Broken => 'reason' in read

/** SSH_MSG_USERAUTH_REQUEST: lower numbers belong to the transport (RFC 4250 section 4.1.1). */
const firstOfServices = 50
/** More are a flood. */
const maxSkipped = 1_000

/**
 * The payload of the next message in `expected`. Skips other messages of the transport, as OpenSSH does (kex.c:
 * kex_protocol_error), except those that start or end a key exchange. A peer that ends the connection after its
 * identification refuses us.
 */
export async function readMessage(wire: Wire, expected: readonly number[]): Promise<Buffer | Broken> {
  for (let skipped = 0; skipped < maxSkipped; skipped += 1) {
    const payload = await readPacket(wire)
    if (payload === 'connection-closed' || payload === 'connection-reset') return broken('ssh-refused')
    if (typeof payload === 'string') return broken(payload)
    const number = payload[0] ?? 0
    if (expected.includes(number)) return payload
    if (number === messages.disconnect) return readDisconnect(payload)
    const misplaced =
      number === 0 || number >= firstOfServices || number === messages.kexInit || number === messages.newKeys
    if (misplaced) return broken('protocol-violation')
  }
  return broken('response-too-large')
}

// SSH_DISCONNECT_TOO_MANY_CONNECTIONS, RFC 4253 section 11.1.
const tooManyConnections = 12

function readDisconnect(payload: Buffer): Broken {
  const fields = readFields(payload.subarray(1))
  const [code, text] = [fields.uint32(), escapeControls(fields.string())]
  const reason = code === tooManyConnections ? 'ssh-refused-for-now' : 'ssh-refused'
  return broken(reason, { refusal: { code, text } })
}

async function readPacket(wire: Wire): Promise<Buffer | ReasonCode> {
  const head = await wire.take(5)
  if (typeof head === 'string') return head
  const packetLength = head.readUInt32BE()
  const paddingBytes = head.readUInt8(4)
  const totalBytes = 4 + packetLength
  if (totalBytes < minPacketBytes || packetLength > maxPacketBytes || totalBytes % blockBytes !== 0) {
    return 'protocol-violation'
  }
  // At least the message number.
  if (paddingBytes < minPaddingBytes || paddingBytes > packetLength - 2) return 'protocol-violation'
  const body = await wire.take(packetLength - 1)
  return typeof body === 'string' ? body : body.subarray(0, body.length - paddingBytes)
}
