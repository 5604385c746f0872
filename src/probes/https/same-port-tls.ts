import { isIP, isIPv6 } from 'node:net'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { HttpsFacts } from '../../domain/protocols/https.ts'
import type { TlsFacts } from '../../domain/protocols/tls.ts'
import type { Endpoint, ProbeIo } from '../engine/probe.ts'
import { defaultMaxBytes, type Handshake } from '../tls/handshake.ts'
import { isAgreed, offerHttp } from '../tls/offer-http.ts'
import { exchangeHttp2 } from './http2-request.ts'
import { exchangeHttp1, headerOf } from './request.ts'
import type { ResponseHead } from './response.ts'

/** What TLS on the same port says about a response in clear. */
export interface SamePortTls {
  plain: Pick<NonNullable<HttpsFacts['plainHttp']>, 'tls' | 'sameHost' | 'sameOverTls'>
  /** Names of the server that the request in clear did not name. */
  names: string[]
}

const maxNames = 3

/** One handshake on the port, and the same request inside it for comparison. */
export async function examineTls(
  endpoint: Endpoint,
  { head, location }: { head?: ResponseHead | undefined; location?: string | undefined },
  io: ProbeIo,
): Promise<SamePortTls> {
  const agreed = await offerHttp(endpoint, {}, io)
  if (!isAgreed(agreed)) return { plain: { tls: 'unclear' }, names: [] }
  const { handshake } = agreed
  const tls = spokenIn(handshake)
  const inside = await requestInside(handshake, head !== undefined, endpoint, io)
  const requested = hostOf(endpoint)
  const leadsTo = hostIn(location ?? '')
  const isOfServer = leadsTo !== undefined && (leadsTo === requested || isNamed(handshake.facts, leadsTo))
  const plain = {
    tls,
    ...(location !== undefined && { sameHost: isOfServer }),
    ...(head && inside && isSame(head, inside) && { sameOverTls: true }),
  }
  const candidates = [...(isOfServer ? [leadsTo] : []), ...otherNames(handshake.facts, endpoint)]
  const names = [...new Set(candidates)].filter((name) => /^[\w.-]+$/.test(name) && name !== requested)
  return { plain, names: tls === 'spoken' ? names.slice(0, maxNames) : [] }
}

/** The host of a URL, in one notation: without brackets and without the dot of the root. */
const hostIn = (url: string): string | undefined => URL.parse(url)?.hostname.replaceAll(/^\[|[\].]$/g, '')

const hostOf = ({ host }: Endpoint): string => hostIn(`https://${isIPv6(host) ? `[${host}]` : host}`) ?? host

const spoken: ReadonlySet<ReasonCode> = new Set([
  'tls-ok',
  'tls-alert',
  'tls-client-certificate-required',
  'tls-no-common-parameters',
  'tls-handshake-failed',
])

function spokenIn({ reason, facts }: Handshake): SamePortTls['plain']['tls'] {
  if (spoken.has(reason)) return 'spoken'
  const isForeign = facts.spoke !== undefined && facts.spoke !== 'nothing'
  return isForeign || reason === 'connection-closed' || reason === 'connection-reset' ? 'absent' : 'unclear'
}

async function requestInside(
  { stream, facts }: Handshake,
  isNeeded: boolean,
  endpoint: Endpoint,
  { requester, deadline }: ProbeIo,
): Promise<ResponseHead | undefined> {
  if (!stream || !isNeeded) return void stream?.destroy()
  const request = { method: 'GET', endpoint, scheme: 'https', requester, maxBytes: defaultMaxBytes } as const
  const { head } = await (facts.alpn === 'h2' ? exchangeHttp2 : exchangeHttp1)(stream, request, deadline)
  return head
}

/** The same page, as far as its head shows. */
const isSame = (one: ResponseHead, other: ResponseHead): boolean =>
  one.status === other.status &&
  ['location', 'content-length'].every((name) => headerOf(one, name) === headerOf(other, name))

/** An address is no name of a virtual host, even if the certificate has it. */
function otherNames({ certificate, nameMatches }: TlsFacts, { host }: Endpoint): string[] {
  if (nameMatches && !isIP(host)) return []
  return (certificate?.sans ?? []).flatMap((san) => (san.startsWith('DNS:') ? san.slice('DNS:'.length) : []))
}

function isNamed({ certificate }: TlsFacts, host: string): boolean {
  const names = isIP(host) ? [`ip:${host}`] : [`dns:${host}`, `dns:${host.replace(/^[^.]+/, '*')}`]
  return certificate?.sans?.some((san) => names.includes(san.toLowerCase())) ?? false
}
