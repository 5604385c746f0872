import { type Static, Type } from 'typebox'
import type { ValidationIssue } from '../domain/errors.ts'
import { type Judgement, judge, results } from '../domain/findings/judge.ts'
import type { Observation } from '../domain/findings/observation.ts'
import { type ReasonCode, reasonCodes } from '../domain/findings/reasons.ts'
import { type State, states } from '../domain/findings/state.ts'
import { resolveParameters, resolveRule } from '../domain/policy/parameters.ts'
import type { PolicyDocument, ResolvedRule } from '../domain/policy/policy.ts'
import { checkShape, closedObject, issueAt, nearestName, under } from '../domain/policy/shape.ts'
import { optional, Scalar } from '../domain/policy/values.ts'
import { anyProtocols } from '../domain/protocols/index.ts'
import { readDocument } from './read.ts'

const Reason = Type.Enum([...reasonCodes])
const Case = closedObject({
  name: optional(Type.String({ minLength: 1, maxLength: 200 })),
  rule: Type.String({ minLength: 1, maxLength: 100, examples: ['ssh-restricted'] }),
  params: optional(Type.Record(Type.String(), Scalar)),
  windowOpen: optional(Type.Boolean()),
  observed: closedObject({
    state: Type.Enum([...states]),
    reason: optional(Reason),
    facts: optional(Type.Object({}, { additionalProperties: true })),
    hostAnswered: optional(Type.Boolean()),
    at: optional(Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT[0-9:.]+Z$', examples: ['2026-01-31T12:00:00Z'] })),
  }),
  result: Type.Enum([...results]),
  reason: optional(Reason),
})
const Cases = closedObject({ cases: Type.Array(Case, { minItems: 1, maxItems: 1000 }) })
export type PolicyCase = Static<typeof Case>

/** A case and its judgement; `reason` is absent if the rule does not apply. */
export interface JudgedCase {
  given: PolicyCase
  seen: Pick<Judgement, 'result'> & Partial<Judgement>
  holds: boolean
}

type Issues = { errors: ValidationIssue[] }

/** Judges made-up observations by a policy. Errors name their line. */
export function judgeCases(document: PolicyDocument, text: string, now: Date): JudgedCase[] | Issues {
  const read = readDocument(text, 'yaml')
  if ('errors' in read) return read
  const issues = checkShape(Cases, read.value)
  const judged = issues.length > 0 ? [] : (read.value as Static<typeof Cases>).cases.map(judgeIn(document, now))
  const found = [...issues, ...judged.flatMap((one) => ('errors' in one ? one.errors : []))]
  if (found.length > 0) return { errors: found.map((issue) => ({ ...issue, line: read.lineOf(issue.pointer) })) }
  return judged as JudgedCase[]
}

const judgeIn =
  (document: PolicyDocument, now: Date) =>
  (given: PolicyCase, index: number): JudgedCase | Issues => {
    const fail = (issues: ValidationIssue[]) => ({ errors: issues.map(under(['cases', index])) })
    const rule = document.rules.find(({ id }) => id === given.rule)
    if (!rule) return fail([issueAt(['rule'], unknownRule(document, given.rule))])
    if (rule.unlike) return fail([issueAt(['rule'], 'is a paired rule: it needs two observations of one audit')])
    const parameters = resolveParameters(document, { audit: given.params ?? {}, target: {} })
    if ('errors' in parameters)
      return fail(parameters.errors.map(({ parameter, message }) => issueAt(['params', parameter], message)))
    const resolved = resolveRule(rule, parameters.values)
    if (resolved === 'notapplicable') return compare(given, { result: resolved })
    const issues = checkShape(anyProtocols[resolved.probe].facts, given.observed.facts ?? {})
    if (issues.length > 0) return fail(issues.map(under(['observed', 'facts'])))
    const reason = given.observed.reason ?? usualReason(given.observed.state, resolved)
    if (!reason) return fail([issueAt(['observed', 'reason'], `is missing: state ${given.observed.state} needs one`)])
    return compare(
      given,
      judge(resolved, observe(given, reason, resolved, now), { windowOpen: given.windowOpen === true }),
    )
  }

function unknownRule({ name, rules }: PolicyDocument, id: string): string {
  const near = nearestName(
    id,
    rules.map((rule) => rule.id),
  )
  return `must be a rule of ${name}${near === undefined ? '' : `: did you mean \`${near}\`?`}`
}

const compare = (given: PolicyCase, seen: JudgedCase['seen']): JudgedCase => ({
  given,
  seen,
  holds: given.result === seen.result && (given.reason === undefined || given.reason === seen.reason),
})

const usual: { readonly [S in State]?: ReasonCode } = {
  closed: 'connection-refused',
  filtered: 'no-response',
  unreachable: 'host-unreachable',
  unresolved: 'name-not-found',
}
/** The reason of a probe that met no failure. */
const usualReason = (state: State, { probe }: ResolvedRule): ReasonCode | undefined =>
  state === 'open' ? (Object.keys(anyProtocols[probe].reasons)[0] as ReasonCode | undefined) : usual[state]

function observe({ observed }: PolicyCase, reason: ReasonCode, rule: ResolvedRule, now: Date): Observation {
  const { state, facts = {}, hostAnswered, at = now.toISOString() } = observed
  const address = state === 'unresolved' ? null : '192.0.2.1' // RFC 5737
  return {
    probe: rule.probe,
    host: rule.host ?? '192.0.2.1',
    port: rule.port,
    observedAt: at,
    addressResults: [
      {
        ...{ address, state, reason, facts, latencyMs: null, attempts: 1 },
        ...(hostAnswered !== undefined && { hostAnswered }),
      },
    ],
  }
}
