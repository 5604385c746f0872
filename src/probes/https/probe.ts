import type { ReasonCode } from '../../domain/findings/reasons.ts'
import {
  type Connection,
  type Endpoint,
  isConnection,
  type Probe,
  type ProbeIo,
  type ProbeResult,
} from '../engine/probe.ts'
import { readClearHandshake } from '../tls/clear-handshake.ts'
import { reasonOfEnd } from '../tls/failure.ts'
import { recognizeEnded } from '../tls/first-bytes.ts'
import { defaultMaxBytes, type Handshake, handshakeTls } from '../tls/handshake.ts'
import { tapSocket } from '../tls/tap.ts'
import { tryVersions } from '../tls/versions.ts'
import { type HeadFailure, requestHead } from './head-request.ts'

/** One TLS handshake and a `HEAD /` inside it; for rules about plain HTTP, `HEAD /` in clear. */
export const probeHttps: Probe<'https'> = async (endpoint, { trustedCa, offerVersions = [], plainHttp }, io) => {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return { ...connection, facts: {} }
  if (plainHttp) return probePlainHttp(connection, endpoint, io)
  const handshake = await handshakeTls(connection, endpoint, { trustedCa, alpn: ['http/1.1'] }, io.deadline)
  const seen = handshake.stream ? await requestInside(handshake, endpoint, io) : handshake
  const versions =
    offerVersions.length > 0 ? { versions: await tryVersions(endpoint, offerVersions, seen.facts, io) } : {}
  return { state: 'open', reason: seen.reason, facts: { ...seen.facts, ...versions } }
}

async function requestInside(
  handshake: Handshake,
  endpoint: Endpoint,
  io: ProbeIo,
): Promise<Pick<ProbeResult<'https'>, 'reason' | 'facts'>> {
  const { stream, facts } = handshake
  if (!stream || stream.destroyed) return handshake.explainEnd()
  const response = await requestHead(stream, headRequest(endpoint, 443, io), io.deadline)
  if ('status' in response) return { reason: 'http-responded', facts: { ...facts, http: response } }
  return response.failed === 'ended' ? handshake.explainEnd() : { reason: failures[response.failed], facts }
}

async function probePlainHttp(connection: Connection, endpoint: Endpoint, io: ProbeIo): Promise<ProbeResult<'https'>> {
  const { seen, read } = readClearHandshake()
  const tap = tapSocket(connection.socket, { maxBytes: defaultMaxBytes, admit: () => true, watch: read })
  const response = await requestHead(tap.stream, headRequest(endpoint, 80, io), io.deadline)
  if ('status' in response) {
    const { status, server } = response
    const plainHttp = { answered: true, status, ...(server !== undefined && { server }) }
    return { state: 'open', reason: 'http-responded', facts: { plainHttp } }
  }
  const spoke = recognizeEnded(tap.first)
  const facts = {
    plainHttp: { answered: false },
    ...(spoke !== 'tls' && { spoke }),
    ...(seen.alert !== undefined && { alert: seen.alert }),
  }
  const foreign = spoke !== 'nothing' && spoke !== 'http' && tap.ended !== 'too-large'
  const reason = foreign
    ? 'protocol-mismatch'
    : response.failed === 'ended'
      ? reasonOfEnd(tap)
      : failures[response.failed]
  return { state: 'open', reason, facts }
}

const failures = {
  mismatch: 'protocol-mismatch',
  'too-large': 'response-too-large',
  timeout: 'protocol-timeout',
} as const satisfies Record<Exclude<HeadFailure['failed'], 'ended'>, ReasonCode>

const headRequest = (endpoint: Endpoint, usualPort: number, { requester }: ProbeIo) => ({
  endpoint,
  usualPort,
  requester,
  maxBytes: defaultMaxBytes,
})
