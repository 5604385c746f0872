import { type Static, Type } from 'typebox'
import { mayHaveMissed, type Reasons, type SharedReason } from '../findings/shared-reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { Flag, optional } from '../policy/values.ts'
import { type Demand, defineProtocol, type ExpectationGroup, type Seen } from './protocol.ts'
import { awaitsTls, TlsFacts, tlsGroup, tlsOptions, tlsOptionsFor, tlsSignificance } from './tls.ts'

const HttpsFacts = closedObject({
  ...TlsFacts.properties,
  http: Type.Optional(
    closedObject({ status: Type.Integer(), server: Type.Optional(Type.String()), hsts: Type.Optional(Type.String()) }),
  ),
  plainHttp: Type.Optional(
    closedObject(
      {
        answered: Type.Boolean({ description: 'Something came in clear that clients take for a response' }),
        status: Type.Optional(Type.Integer()),
        server: Type.Optional(Type.String()),
        version: Type.Optional(
          Type.Enum(['HTTP/0.9', 'HTTP/2'], {
            description: 'Unless HTTP/1: `HTTP/0.9` is a response without a head, `HTTP/2` needs prior knowledge',
          }),
        ),
        location: Type.Optional(Type.String({ description: 'Scheme, host and port to which the response redirects' })),
        sameHost: Type.Optional(
          Type.Boolean({ description: '`location` is the host that was requested, or one that its certificate names' }),
        ),
        host: Type.Optional(
          Type.String({ description: 'The name in the certificate that was requested, unless that of the check' }),
        ),
        tls: Type.Optional(
          Type.Enum(['spoken', 'absent', 'unclear'], {
            description: 'Whether a handshake on the same port met TLS; tried if the response may be a refusal',
          }),
        ),
        sameOverTls: Type.Optional(
          Type.Boolean({ description: 'The same request inside TLS got the same status, redirect and length' }),
        ),
      },
      { description: 'The response to a request without TLS on the same port' },
    ),
  ),
})
export type HttpsFacts = Static<typeof HttpsFacts>
type PlainHttp = NonNullable<HttpsFacts['plainHttp']>

const reasons = {
  'http-responded': { about: 'peer', message: 'The port responded to an HTTP request.' },
  'http-no-response': { about: 'rule', message: 'The port did not respond to an HTTP request.' },
  'plain-http-served': { about: 'rule', message: 'The port serves plain HTTP without encryption.' },
  'plain-data-served': {
    about: 'rule',
    message:
      'The port sends data without encryption that are no known protocol; clients that accept HTTP/0.9 take them for a page.',
  },
  'plain-http-unclear': {
    about: 'rule',
    message:
      'The port responds to plain HTTP with what may be a refusal, and it is not known whether it is: TLS on the port could not be examined, or responds the same.',
    undecided: true,
  },
} as const satisfies Reasons
type HttpReason = keyof typeof reasons | SharedReason

const HttpExpectation = closedObject({ answers: optional(Flag), plainServed: optional(Type.Literal(false)) })

const refusals: ReadonlySet<number> = new Set([400, 403, 404, 426])
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** Whether a response in clear may refuse plain HTTP; whether it does depends on TLS on the same port. */
export const mayRefuseClear = ({ status = 0, location = '' }: PlainHttp): boolean =>
  refusals.has(status) || (redirects.has(status) && location.startsWith('https:'))

function plainViolation<Code extends string>(plainHttp: PlainHttp, reason: Code): HttpReason | Code | undefined {
  if (!plainHttp.answered) return mayHaveMissed(reason) ? reason : undefined
  if (plainHttp.version === 'HTTP/0.9') return 'plain-data-served'
  if (!mayRefuseClear(plainHttp) || plainHttp.tls === 'absent' || plainHttp.sameHost === false)
    return 'plain-http-served'
  return plainHttp.tls === 'spoken' && !plainHttp.sameOverTls ? undefined : 'plain-http-unclear'
}

function violation<Code extends string>(
  demand: Demand<typeof HttpExpectation>,
  { facts, reason }: Seen<HttpsFacts, Code>,
): HttpReason | Code | undefined {
  if (demand.answers && facts.plainHttp) return 'facts-missing'
  if (demand.answers && !facts.http) return reason === 'tls-ok' ? 'http-no-response' : reason
  if (demand.plainServed !== false) return undefined
  return facts.plainHttp ? plainViolation(facts.plainHttp, reason) : 'facts-missing'
}

const httpGroup: ExpectationGroup<typeof HttpExpectation, HttpsFacts, HttpReason> = {
  schema: HttpExpectation,
  violation,
  contradictions: ({ answers, plainServed }, { tls }) =>
    plainServed !== undefined && (tls !== undefined || answers !== undefined)
      ? [
          {
            pointer: '/plainServed',
            message:
              'must stand alone, since a request without TLS shows nothing of TLS: use another rule for the rest',
          },
        ]
      : [],
}

/** A request in clear shows nothing of TLS. */
const tlsInHttps: typeof tlsGroup = {
  ...tlsGroup,
  violation: (demand, seen) =>
    (seen.facts as HttpsFacts).plainHttp ? 'facts-missing' : tlsGroup.violation(demand, seen),
}

/** HTTP inside TLS; or, for rules about plain HTTP, a request without TLS on the same port. */
export const https = defineProtocol({
  name: 'https',
  defaultPort: 443,
  facts: HttpsFacts,
  expects: { tls: tlsInHttps, http: httpGroup },
  options: closedObject({ ...tlsOptions, plainHttp: Type.Optional(Type.Boolean()) }),
  awaits: (facts) => {
    if (facts.plainHttp) return 'complete HTTP response in clear'
    return facts.protocol && !facts.http ? 'HTTP response inside TLS' : awaitsTls(facts)
  },
  optionsFor: ({ tls, http }) => ({ ...tlsOptionsFor(tls), plainHttp: http?.plainServed === false }),
  reasons,
  modules: {},
  significance: tlsSignificance,
})
