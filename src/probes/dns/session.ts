import { randomInt } from 'node:crypto'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { DnsFacts } from '../../domain/protocols/dns.ts'
import { type Endpoint, isConnection, isReply, type Outcome, type ProbeIo } from '../engine/probe.ts'
import { openWire, type Wire } from '../network/wire.ts'
import { recognizeEnded } from '../tls/first-bytes.ts'
import {
  beginsResponse,
  decodeResponse,
  encodeQuery,
  type QueryFlags,
  type Question,
  type Response,
} from './message.ts'

/** Why there is no response. */
export type Failure = Outcome & Pick<DnsFacts, 'spoke'>

/** Questions to one name server, one by one. */
export interface Session {
  ask(question: Question, flags?: QueryFlags): Promise<Response | Failure>
  close(): Promise<void>
}

export const isResponse = (result: Response | Failure): result is Response => 'answers' in result

const prefixBytes = 2
const headerBytes = 12
const maxId = 0x10000
/** Of one connection; a response has at most 64 KiB. */
const maxBytes = 512 * 1024

/** Over TCP (RFC 7766), in one connection while the server keeps it open. */
export function openTcpSession(endpoint: Endpoint, io: ProbeIo): Session {
  let wire: Wire | undefined

  const close = async () => {
    const last = wire
    wire = undefined
    await last?.close()
  }

  async function ask(question: Question, flags: QueryFlags = {}): Promise<Response | Failure> {
    const isUsed = wire !== undefined
    if (!wire) {
      const connection = await io.connect(endpoint)
      if (!isConnection(connection)) return connection
      wire = openWire(connection.socket, io.deadline, maxBytes)
    }
    const result = await exchange(wire, question, flags)
    if (isResponse(result)) return result
    await close()
    // A server may close after any response, RFC 7766 section 6.2.4.
    return isUsed && endings.has(result.reason) ? ask(question, flags) : result
  }
  return { ask, close }
}

/** Over UDP, one datagram for each question and each response. */
export function openUdpSession(endpoint: Endpoint, io: ProbeIo): Session {
  async function send(question: Question, flags: QueryFlags): Promise<Response | Failure> {
    const id = randomInt(maxId)
    const isResponseTo = (reply: Buffer) => beginsResponse(reply, id)
    const result = await io.exchange(endpoint, encodeQuery(id, question, flags), isResponseTo)
    if (!isReply(result)) return result
    return decodeResponse(result.reply, id, question) ?? open('protocol-violation')
  }

  async function ask(question: Question, flags: QueryFlags = {}): Promise<Response | Failure> {
    const result = await send(question, flags)
    // RFC 6891 section 7: an old server cannot parse the query.
    return flags.large && isResponse(result) && result.rcode === 'FORMERR' ? send(question, {}) : result
  }
  return { ask, close: async () => {} }
}

const endings: ReadonlySet<ReasonCode> = new Set(['connection-closed', 'connection-reset'])

async function exchange(wire: Wire, question: Question, flags: QueryFlags): Promise<Response | Failure> {
  const id = randomInt(maxId)
  wire.send(withLength(encodeQuery(id, question, { recursion: flags.recursion })))
  return readResponse(wire, id, question)
}

export function withLength(message: Buffer): Buffer {
  const prefix = Buffer.alloc(prefixBytes)
  prefix.writeUInt16BE(message.length)
  return Buffer.concat([prefix, message])
}

/** The next message, which must be the response to that question. */
export async function readResponse(wire: Wire, id: number, question: Question): Promise<Response | Failure> {
  const head = await wire.take(prefixBytes + headerBytes)
  if (typeof head === 'string') return withoutHeader(head, wire.rest())
  const header = head.subarray(prefixBytes)
  if (!beginsResponse(header, id)) return foreign(Buffer.concat([head, wire.rest()]))
  const rest = head.readUInt16BE(0) - headerBytes
  if (rest < 0) return open('protocol-violation')
  const body = await wire.take(rest)
  if (typeof body === 'string') return open(body)
  return decodeResponse(Buffer.concat([header, body]), id, question) ?? open('protocol-violation')
}

const open = (reason: ReasonCode): Failure => ({ state: 'open', reason })

const local: ReadonlySet<ReasonCode> = new Set(['local-resources', 'local-failure'])

function withoutHeader(reason: ReasonCode, bytes: Buffer): Failure {
  if (bytes.length > 0 && !local.has(reason)) {
    const spoke = recognizeEnded(bytes)
    return spoke === 'other' || spoke === 'nothing' ? open(reason) : foreign(bytes)
  }
  return reason === 'protocol-timeout' ? { ...open(reason), spoke: 'nothing' } : open(reason)
}

function foreign(bytes: Buffer): Failure {
  const spoke = recognizeEnded(bytes)
  return { ...open('protocol-mismatch'), spoke: spoke === 'tls' ? 'other' : spoke }
}
