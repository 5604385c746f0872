import type { ReasonCode } from '../../domain/findings/reasons.ts'
import { recognize, recognizeInstead, type Spoke } from '../tls/first-bytes.ts'
import type { Ending, Wire } from './wire.ts'

/** How a protocol frames its messages: a header of fixed size that states how many bytes follow. */
export interface Framing {
  headerBytes: number
  /** The bytes after this header; undefined if the header is none of the protocol. */
  bodyBytes: (header: Buffer) => number | undefined
  /** Larger bodies are not read. */
  maxBodyBytes: number
}

export interface TakenRecord {
  header: Buffer
  body: Buffer
}

/** Why there is no complete record; `started`: the header was one of the protocol. */
export interface NoRecord {
  failure: Ending | 'not-a-record'
  started: boolean
  /** The bytes that were received of it. */
  bytes: Buffer
}

export const isRecord = (read: TakenRecord | NoRecord): read is TakenRecord => 'body' in read

/** Reads one record; its length is checked before a byte of its body is waited for. */
export async function takeRecord(wire: Wire, framing: Framing): Promise<TakenRecord | NoRecord> {
  const header = await wire.take(framing.headerBytes)
  if (typeof header === 'string') return { failure: header, started: false, bytes: wire.rest() }
  const length = framing.bodyBytes(header)
  if (length === undefined)
    return { failure: 'not-a-record', started: false, bytes: Buffer.concat([header, wire.rest()]) }
  if (length > framing.maxBodyBytes) return { failure: 'response-too-large', started: true, bytes: header }
  const body = await wire.take(length)
  if (typeof body === 'string') return { failure: body, started: true, bytes: header }
  return { header, body }
}

/** Why the first record of a peer did not come, and what the peer spoke instead, if that is known. */
export function explainNoRecord({ failure, started, bytes }: NoRecord): { reason: ReasonCode; spoke?: Spoke } {
  if (failure === 'not-a-record') return { reason: 'protocol-mismatch', spoke: recognizeInstead(bytes) }
  const isLocal = failure === 'local-resources' || failure === 'local-failure'
  if (started || isLocal) return { reason: failure }
  if (bytes.length === 0) return { reason: failure, ...(failure === 'protocol-timeout' && { spoke: 'nothing' }) }
  const spoke = recognizeInstead(bytes)
  // A TLS alert is shorter than most headers.
  const isKnown = spoke !== 'other' || recognize(bytes) === 'tls'
  return isKnown ? { reason: 'protocol-mismatch', spoke } : { reason: failure }
}

/** Why a later record did not come. */
export const reasonOf = ({ failure }: NoRecord): ReasonCode =>
  failure === 'not-a-record' ? 'protocol-violation' : failure
