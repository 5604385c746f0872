import type { ReasonCode } from '../../domain/findings/reasons.ts'
import { type Endpoint, isConnection, type Probe, type ProbeIo, type ProbeResult } from '../engine/probe.ts'
import { readClearHandshake } from '../tls/clear-handshake.ts'
import { reasonOfEnd } from '../tls/failure.ts'
import { recognizeEnded } from '../tls/first-bytes.ts'
import { defaultMaxBytes, type Handshake } from '../tls/handshake.ts'
import { isAgreed, offerHttp } from '../tls/offer-http.ts'
import { resultOf, seenInEnd } from '../tls/probe.ts'
import { tapSocket } from '../tls/tap.ts'
import { tryVersions } from '../tls/versions.ts'
import { type HeadFailure, requestHead } from './head-request.ts'
import { requestHeadOverHttp2 } from './http2-head-request.ts'

/** One TLS handshake and a `HEAD /` inside it, over HTTP/2 or HTTP/1.1; for rules about plain HTTP, `HEAD /` in clear. */
export const probeHttps: Probe<'https'> = async (endpoint, { trustedCa, offerVersions = [], plainHttp }, io) => {
  if (plainHttp) return probePlainHttp(endpoint, io)
  const agreed = await offerHttp(endpoint, { trustedCa }, io)
  if (!isAgreed(agreed)) return { ...agreed, facts: {} }
  const { handshake } = agreed
  const seen = handshake.stream ? await requestInside(handshake, { endpoint, trustedCa, io }) : handshake
  const versions =
    offerVersions.length > 0 ? { versions: await tryVersions(endpoint, offerVersions, seen.facts, io) } : {}
  return {
    state: 'open',
    reason: seen.reason,
    facts: { ...seen.facts, ...versions },
    tls: resultOf(seen.reason === 'http-responded' ? handshake : seenInEnd(handshake), versions),
  }
}

type Seen = Pick<ProbeResult<'https'>, 'reason' | 'facts'>

interface Circumstances {
  endpoint: Endpoint
  trustedCa?: string
  io: ProbeIo
}

async function requestInside(handshake: Handshake, circumstances: Circumstances): Promise<Seen> {
  const { endpoint, io } = circumstances
  const { stream, facts } = handshake
  if (!stream || stream.destroyed) return handshake.explainEnd()
  const send = facts.alpn === 'h2' ? requestHeadOverHttp2 : requestHead
  const response = await send(stream, headRequest(endpoint, 443, io), io.deadline)
  if ('status' in response) return { reason: 'http-responded', facts: { ...facts, http: response } }
  if (response.http1Required) return requestOverHttp1(facts, circumstances)
  return response.failed === 'ended' ? handshake.explainEnd() : { reason: failures[response.failed], facts }
}

/** On another connection, for a peer that agreed on HTTP/2 and then demands HTTP/1.1; the facts stay those of the first. */
async function requestOverHttp1(facts: Seen['facts'], circumstances: Circumstances): Promise<Seen> {
  const { endpoint, trustedCa, io } = circumstances
  const agreed = await offerHttp(endpoint, { trustedCa, alpn: ['http/1.1'] }, io)
  if (!isAgreed(agreed)) return { reason: agreed.reason, facts }
  const seen = await requestInside(agreed.handshake, circumstances)
  return { reason: seen.reason, facts: { ...seen.facts, ...facts } }
}

async function probePlainHttp(endpoint: Endpoint, io: ProbeIo): Promise<ProbeResult<'https'>> {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return { ...connection, facts: {} }
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
