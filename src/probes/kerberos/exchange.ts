import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { KerberosFacts } from '../../domain/protocols/kerberos.ts'
import { type Endpoint, isConnection, isReply, type Outcome, type ProbeIo } from '../engine/probe.ts'
import { BerError } from '../ldap/ber.ts'
import { openWire, type Wire } from '../network/wire.ts'
import { recognizeEnded } from '../tls/first-bytes.ts'
import { decodeReply, type Reply, replyTags } from './reply.ts'

/** A response and the times around it, in milliseconds since the epoch. */
export type Exchange = { reply: Reply; sentAt: number; receivedAt: number } | (Outcome & Pick<KerberosFacts, 'spoke'>)

/** Far above what KDCs send without pre-authentication. */
const maxMessage = 64 * 1024
const prefixBytes = 4

/** One request and its response over TCP (RFC 4120 section 7.2.2). */
export async function exchangeOverTcp(endpoint: Endpoint, request: Buffer, io: ProbeIo): Promise<Exchange> {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return connection
  const wire = openWire(connection.socket, io.deadline, maxMessage + prefixBytes)
  const sentAt = Date.now()
  wire.send(withLength(request))
  const received = await readReply(wire)
  const receivedAt = Date.now()
  await wire.close()
  return 'reason' in received ? { state: 'open', ...received } : { ...received, sentAt, receivedAt }
}

/** One request and its response over UDP (RFC 4120 section 7.2.1); the first datagram decides. */
export async function exchangeOverUdp(endpoint: Endpoint, request: Buffer, io: ProbeIo): Promise<Exchange> {
  const result = await io.exchange(endpoint, request, () => true)
  if (!isReply(result)) return result
  const receivedAt = Date.now()
  const { reply: datagram, latencyMs } = result
  const received = replyTags.has(datagram[0]) ? decode(datagram) : foreign(datagram)
  return 'reason' in received
    ? { state: 'open', ...received }
    : { ...received, sentAt: receivedAt - latencyMs, receivedAt }
}

function withLength(request: Buffer): Buffer {
  const prefix = Buffer.alloc(prefixBytes)
  prefix.writeUInt32BE(request.length)
  return Buffer.concat([prefix, request])
}

type NoReply = { reason: ReasonCode } & Pick<KerberosFacts, 'spoke'>

async function readReply(wire: Wire): Promise<{ reply: Reply } | NoReply> {
  const prefix = await wire.take(prefixBytes)
  if (typeof prefix === 'string') return withoutMessage(prefix, wire.rest())
  const length = prefix.readUInt32BE()
  if (length === 0 || length > maxMessage) return foreign(Buffer.concat([prefix, wire.rest()]))
  const first = await wire.take(1)
  if (typeof first === 'string') return { reason: first }
  if (!replyTags.has(first[0])) return foreign(Buffer.concat([prefix, first, wire.rest()]))
  const rest = await wire.take(length - 1)
  if (typeof rest === 'string') return { reason: rest }
  return decode(Buffer.concat([first, rest]))
}

/** A reply, or a violation of the encoding. */
function decode(message: Buffer): { reply: Reply } | NoReply {
  try {
    return { reply: decodeReply(message) }
  } catch (error) {
    if (!(error instanceof BerError)) throw error
    return { reason: 'protocol-violation' }
  }
}

const isLocal = (reason: ReasonCode) => reason === 'local-resources' || reason === 'local-failure'

function withoutMessage(reason: ReasonCode, bytes: Buffer): NoReply {
  if (bytes.length > 0 && !isLocal(reason)) return foreign(bytes)
  return reason === 'protocol-timeout' ? { reason, spoke: 'nothing' } : { reason }
}

function foreign(bytes: Buffer): NoReply {
  const spoke = recognizeEnded(bytes)
  return { reason: 'protocol-mismatch', spoke: spoke === 'tls' ? 'other' : spoke }
}
