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
      { answered: Type.Boolean(), status: Type.Optional(Type.Integer()), server: Type.Optional(Type.String()) },
      { description: 'The response to a request without TLS on the same port' },
    ),
  ),
})
export type HttpsFacts = Static<typeof HttpsFacts>

const reasons = {
  'http-responded': { about: 'peer', message: 'The port responded to an HTTP request.' },
  'http-no-response': { about: 'rule', message: 'The port did not respond to an HTTP request.' },
  'plain-http-served': { about: 'rule', message: 'The port serves plain HTTP without encryption.' },
} as const satisfies Reasons
type HttpReason = keyof typeof reasons | SharedReason

const HttpExpectation = closedObject({ answers: optional(Flag), plainServed: optional(Type.Literal(false)) })

// Web servers refuse a plain request on their TLS port with 400 in clear: that serves nothing, so it is not a violation.
const refusesPlain = 400

function violation<Code extends string>(
  demand: Demand<typeof HttpExpectation>,
  { facts, reason }: Seen<HttpsFacts, Code>,
): HttpReason | Code | undefined {
  if (demand.answers && !facts.http) return reason === 'tls-ok' ? 'http-no-response' : reason
  if (demand.plainServed === false) {
    if (!facts.plainHttp) return 'facts-missing'
    if (!facts.plainHttp.answered && mayHaveMissed(reason)) return reason
    if (facts.plainHttp.answered && facts.plainHttp.status !== refusesPlain) return 'plain-http-served'
  }
  return undefined
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

/** HTTP inside TLS; or, for rules about plain HTTP, a request without TLS on the same port. */
export const https = defineProtocol({
  name: 'https',
  defaultPort: 443,
  facts: HttpsFacts,
  expects: { tls: tlsGroup, http: httpGroup },
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
