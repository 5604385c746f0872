import type { ResolvedRule } from '../policy/policy.ts'
import type { ReasonCode } from './reasons.ts'

/** The origin of probes. */
export interface Vantage {
  name: string
  zones: readonly string[]
}

/** A vantage, or a zone that has none. */
export interface Origin {
  /** A vantage, or `zone:NAME` for a zone without vantages. */
  vantage: string
  covered: boolean
  /** The vantage is in none of the rule's zones. */
  indirect: boolean
}

/**
 * The origins of a rule: every vantage in its zones once, sorted by name, and every zone without a vantage. If the rule
 * accepts indirect evidence and none of its zones has a vantage, the first other vantage by name stands in.
 */
export function originsOf(rule: Pick<PlannedRule, 'from' | 'indirect'>, vantages: readonly Vantage[]): Origin[] {
  const sorted = vantages.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const inZones = sorted.filter((vantage) => vantage.zones.some((zone) => rule.from.includes(zone)))
  const direct = inZones.map(({ name }) => ({ vantage: name, covered: true, indirect: false }))
  const standIn = sorted[0]
  if (direct.length === 0 && rule.indirect && standIn) return [{ vantage: standIn.name, covered: true, indirect: true }]
  const empty = rule.from.filter((zone) => !inZones.some((vantage) => vantage.zones.includes(zone)))
  return [...direct, ...empty.map((zone) => ({ vantage: `zone:${zone}`, covered: false, indirect: false }))]
}

/** A probe of an endpoint (of a paired rule also from the origins of its other side), or a result that needs none. */
export type PlannedCheck =
  | { kind: 'probe'; origin: Origin; rule: ResolvedRule; host: string; unlike?: Origin[] }
  | {
      kind: 'settled'
      origin: Origin
      ruleId: string
      result: 'notchecked' | 'notapplicable' | 'unknown' | 'error'
      reason: ReasonCode
    }

/** A rule of a policy for the targets with the same parameters: the resolved rule, or why there is none to probe for. */
export interface PlannedRule {
  id: string
  from: readonly string[]
  indirect?: boolean | undefined
  unlike?: { from: readonly string[] } | undefined
  resolved: ResolvedRule | 'notapplicable' | 'unsupported'
}

/** Plans the rules of a policy for one target. */
export const planTarget = (
  target: { address: string },
  rules: readonly PlannedRule[],
  vantages: readonly Vantage[],
): PlannedCheck[] => createPlanner(vantages)(target, rules)

/** Plans target after target; their checks share the origins of each rule. */
export function createPlanner(vantages: readonly Vantage[]) {
  const origins = new Map<Pick<PlannedRule, 'from'>, Origin[]>()
  const originsFor = (rule: Pick<PlannedRule, 'from' | 'indirect'>): Origin[] => {
    const known = origins.get(rule) ?? originsOf(rule, vantages)
    origins.set(rule, known)
    return known
  }
  return (target: { address: string }, rules: readonly PlannedRule[]): PlannedCheck[] =>
    rules.flatMap((rule) =>
      originsFor(rule).map((origin): PlannedCheck => {
        const settled = { kind: 'settled', origin, ruleId: rule.id } as const
        if (rule.resolved === 'notapplicable')
          return { ...settled, result: 'notapplicable', reason: 'condition-not-met' }
        if (!origin.covered && rule.unlike) return { ...settled, result: 'unknown', reason: 'pair-incomplete' }
        if (!origin.covered) return { ...settled, result: 'notchecked', reason: 'no-vantage-in-zone' }
        if (rule.resolved === 'unsupported') return { ...settled, result: 'error', reason: 'expectation-not-supported' }
        const host = rule.resolved.host ?? target.address
        const probe = { kind: 'probe', origin, rule: rule.resolved, host } as const
        return rule.unlike ? { ...probe, unlike: originsFor(rule.unlike) } : probe
      }),
    )
}
