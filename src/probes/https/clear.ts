import { isIP } from 'node:net'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import { type HttpsFacts, mayRefuseClear } from '../../domain/protocols/https.ts'
import { escapeControls } from '../../encoding/text.ts'
import { type Endpoint, isConnection, type Outcome, type ProbeIo, type ProbeResult } from '../engine/probe.ts'
import { readClearHandshake } from '../tls/clear-handshake.ts'
import { reasonOfEnd } from '../tls/failure.ts'
import { recognize, recognizeEnded } from '../tls/first-bytes.ts'
import { defaultMaxBytes } from '../tls/handshake.ts'
import { type Tap, tapSocket } from '../tls/tap.ts'
import { exchangeHttp2 } from './http2-request.ts'
import { type Exchange, exchangeHttp1, type HttpRequest, headerOf } from './request.ts'
import type { ResponseHead } from './response.ts'
import { examineTls } from './same-port-tls.ts'

type PlainHttp = NonNullable<HttpsFacts['plainHttp']>

/** What a request in clear showed. */
interface Seen {
  state: 'open'
  reason: ReasonCode
  facts: HttpsFacts & { plainHttp: PlainHttp }
  head?: ResponseHead
}

/**
 * Requests `/` in clear as clients do: GET in HTTP/1.1, then HTTP/2 with prior knowledge. Any bytes but those of TLS or of
 * another known protocol are a response. A response that may be a refusal counts as one only beside TLS on the same port.
 */
export async function probeClear(endpoint: Endpoint, io: ProbeIo): Promise<ProbeResult<'https'>> {
  const first = await requestHttp1(endpoint, io)
  if (!isSeen(first)) return { ...first, facts: {} }
  const seen = (await requestHttp2After(first, endpoint, io)) ?? first
  const { head, ...result } =
    mayRefuse(seen) || isSilentClose(seen, endpoint) ? await examine(seen, endpoint, io) : seen
  return result
}

/** What HTTP/2 changes about a peer that did not respond in HTTP/1.1. */
async function requestHttp2After({ reason, facts }: Seen, endpoint: Endpoint, io: ProbeIo): Promise<Seen | undefined> {
  const { answered, version } = facts.plainHttp
  if (reason === 'protocol-timeout' || (answered && version === undefined)) return undefined
  const seen = await requestHttp2(endpoint, io)
  return seen?.facts.plainHttp.answered || !answered ? seen : undefined
}

const isSeen = (result: Seen | Outcome): result is Seen => 'facts' in result

const mayRefuse = ({ facts: { plainHttp } }: Seen) => plainHttp.answered && mayRefuseClear(plainHttp)

/** A server may close on a request for its address, and respond to one for its name. */
const isSilentClose = ({ reason, facts }: Seen, { host }: Endpoint): boolean =>
  isIP(host) !== 0 && !facts.plainHttp.answered && facts.spoke === 'nothing' && reason !== 'protocol-timeout'

/** Offers TLS on the same port, and requests again for the names that its certificate shows. */
async function examine(seen: Seen, endpoint: Endpoint, io: ProbeIo): Promise<Seen> {
  const { plainHttp } = seen.facts
  const { plain, names } = await examineTls(endpoint, { head: seen.head, location: plainHttp.location }, io)
  for (const host of names) {
    const named = await requestHttp1({ ...endpoint, host }, io)
    if (!isSeen(named) || named.reason === 'protocol-timeout')
      return withPlain(seen, { tls: 'unclear' }, 'protocol-timeout')
    if (named.facts.plainHttp.answered && !mayRefuse(named)) return withPlain(named, { host })
  }
  return plainHttp.answered ? withPlain(seen, plain) : seen
}

const withPlain = (seen: Seen, more: Partial<PlainHttp>, reason = seen.reason): Seen => ({
  ...seen,
  reason,
  facts: { ...seen.facts, plainHttp: { ...seen.facts.plainHttp, ...more } },
})

async function requestHttp1(endpoint: Endpoint, io: ProbeIo): Promise<Seen | Outcome> {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return connection
  const { seen, read } = readClearHandshake()
  const tap = tapSocket(connection.socket, {
    maxBytes: defaultMaxBytes,
    admit: (first) => recognize(first) !== undefined,
    watch: read,
  })
  const exchange = await exchangeHttp1(
    tap.stream,
    { ...requestTo(endpoint, io), maxBytes: defaultMaxBytes },
    io.deadline,
  )
  const answered = responseIn(exchange)
  if (answered) return answered
  const { reason, plainHttp } = explain(exchange, tap)
  const spoke = recognizeEnded(tap.first)
  const alert = seen.alert === undefined ? {} : { alert: seen.alert }
  return { state: 'open', reason, facts: { plainHttp, ...(spoke !== 'tls' && { spoke }), ...alert } }
}

async function requestHttp2(endpoint: Endpoint, io: ProbeIo): Promise<Seen | undefined> {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return unanswered
  const tap = tapSocket(connection.socket, { maxBytes: defaultMaxBytes, admit: () => true })
  const exchange = await exchangeHttp2(tap.stream, requestTo(endpoint, io), io.deadline)
  if (!isSettings(tap.first)) return isSilence(exchange, tap) && tap.first.length === 0 ? unanswered : undefined
  const version = 'HTTP/2'
  const answered = responseIn(exchange)
  if (answered) return withPlain(answered, { version })
  return { state: 'open', reason: 'http-responded', facts: { plainHttp: { answered: true, version } } }
}

/** The time is over, or the path to the peer is lost. */
const isSilence = ({ end }: Exchange, { ended }: Tap): boolean => end === 'timeout' || ended === 'timed-out'

/** Nothing is known of what the peer would have sent. */
const unanswered: Seen = { state: 'open', reason: 'protocol-timeout', facts: { plainHttp: { answered: false } } }

const settingsFrame = 4

/** RFC 9113 section 3.4: a server begins with a SETTINGS frame, of stream 0. */
const isSettings = (first: Buffer): boolean =>
  first.length >= 9 && first[0] === 0 && first[3] === settingsFrame && first.readUInt32BE(5) === 0

const requestTo = (endpoint: Endpoint, { requester }: ProbeIo): HttpRequest => ({
  method: 'GET',
  endpoint,
  scheme: 'http',
  requester,
})

const isRedirect = ({ status = 0 }: ResponseHead): boolean => status >= 300 && status < 400

function responseIn({ head, end }: Exchange): Seen | undefined {
  if (!head) return undefined
  const { status } = head
  // The rest may say more of these: a later status, or where a redirect leads.
  if (end === 'timeout' && (isRedirect(head) || (status !== undefined && status < 200))) return undefined
  const server = headerOf(head, 'server')
  const plainHttp = {
    answered: true,
    ...(status !== undefined && { status }),
    ...(server !== undefined && { server }),
    ...redirectIn(head),
  }
  return { state: 'open', reason: 'http-responded', facts: { plainHttp }, head }
}

/** Where a redirect leads: without its path, which may change with each response. */
function redirectIn(head: ResponseHead): Pick<PlainHttp, 'location'> {
  if (!isRedirect(head)) return {}
  const location = URL.parse(headerOf(head, 'location') ?? '')?.origin
  return location === undefined ? {} : { location: escapeControls(location) }
}

/** Why there is no response head, and whether clients take what came for a response all the same. */
function explain(exchange: Exchange, tap: Tap): { reason: ReasonCode; plainHttp: PlainHttp } {
  const spoke = recognizeEnded(tap.first)
  const isKnown = spoke === 'tls' || spoke === 'ssh' || spoke === 'smtp'
  if (isKnown) return { reason: 'protocol-mismatch', plainHttp: { answered: false } }
  if (isSilence(exchange, tap)) return { reason: 'protocol-timeout', plainHttp: { answered: false } }
  if (spoke === 'nothing') return { reason: reasonOfEnd(tap), plainHttp: { answered: false } }
  if (spoke === 'http') return { reason: reasonOfEnd(tap), plainHttp: { answered: true } }
  return { reason: 'protocol-mismatch', plainHttp: { answered: true, version: 'HTTP/0.9' } }
}
