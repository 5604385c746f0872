import type { ReasonCode } from '../../domain/findings/reasons.ts'
import { createDeadline, type Deadline } from '../engine/deadline.ts'
import type { Endpoint, Probe, ProbeIo, ProbeResult } from '../engine/probe.ts'
import { defaultMaxBytes, type Handshake } from '../tls/handshake.ts'
import { isAgreed, offerHttp } from '../tls/offer-http.ts'
import { resultOf } from '../tls/probe.ts'
import { tryVersions } from '../tls/versions.ts'
import { probeClear } from './clear.ts'
import { exchangeHttp2 } from './http2-request.ts'
import { type Exchange, exchangeHttp1, factsOf, type HttpRequest } from './request.ts'

/** One TLS handshake and a request for `/` inside it, over HTTP/2 or HTTP/1.1; for rules about plain HTTP, one in clear. */
export const probeHttps: Probe<'https'> = async (endpoint, { trustedCa, offerVersions = [], plainHttp }, io) => {
  if (plainHttp) return probeClear(endpoint, io)
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
    tls: resultOf(handshake, versions),
  }
}

type Seen = Pick<ProbeResult<'https'>, 'reason' | 'facts'>

interface Circumstances {
  endpoint: Endpoint
  trustedCa?: string
  io: ProbeIo
}

/** Of the time that is left, so that GET has some after silence. */
const shareOfHead = 2 / 3

/** What another method may change. */
const ofMethod: ReadonlySet<ReasonCode> = new Set([
  'connection-closed',
  'connection-reset',
  'protocol-mismatch',
  'protocol-timeout',
])

/** HEAD, and GET on another connection where HEAD gets no response; the facts of TLS stay those of the first. */
async function requestInside(handshake: Handshake, circumstances: Circumstances): Promise<Seen> {
  const { endpoint, trustedCa, io } = circumstances
  const patience = createDeadline(io.deadline.remainingMs() * shareOfHead)
  const head = await requestWith('HEAD', handshake, circumstances, patience)
  if (head.facts.http || !ofMethod.has(head.reason)) return head
  const again = await offerHttp(endpoint, { trustedCa }, io)
  if (!isAgreed(again) || !again.handshake.stream) return head
  const { reason, facts } = await requestWith('GET', again.handshake, circumstances, io.deadline)
  return facts.http ? { reason, facts: { ...handshake.facts, http: facts.http } } : head
}

async function requestWith(
  method: HttpRequest['method'],
  handshake: Handshake,
  circumstances: Circumstances,
  deadline: Deadline,
): Promise<Seen> {
  const { endpoint, trustedCa, io } = circumstances
  const { stream, facts } = handshake
  if (!stream || stream.destroyed) return handshake.explainEnd()
  const request = { method, endpoint, scheme: 'https', requester: io.requester, maxBytes: defaultMaxBytes } as const
  const exchange = await (facts.alpn === 'h2' ? exchangeHttp2 : exchangeHttp1)(stream, request, deadline)
  if (exchange.http1Required) {
    const agreed = await offerHttp(endpoint, { trustedCa, alpn: ['http/1.1'] }, io)
    if (!isAgreed(agreed)) return { reason: agreed.reason, facts }
    const seen = await requestWith(method, agreed.handshake, circumstances, deadline)
    return { reason: seen.reason, facts: { ...seen.facts, ...facts } }
  }
  const http = responseIn(exchange)
  if (http) return { reason: 'http-responded', facts: { ...facts, http } }
  const reason = failures[exchange.end]
  return reason ? { reason, facts } : handshake.explainEnd()
}

/** A head that the end of the stream ends counts too, as for curl. */
function responseIn({ head, end }: Exchange) {
  const status = head?.status
  if (!head || status === undefined) return undefined
  return end === 'complete' || (end === 'closed' && status >= 200) ? factsOf({ ...head, status }) : undefined
}

const failures = {
  complete: 'protocol-mismatch',
  foreign: 'protocol-mismatch',
  'too-large': 'response-too-large',
  timeout: 'protocol-timeout',
  closed: undefined,
  ended: undefined,
} as const satisfies Record<Exchange['end'], ReasonCode | undefined>
