import type { ResolvedRule } from '../policy/policy.ts'
import type { ReasonCode } from './reasons.ts'

/** A named place from which probes are made. */
export interface Vantage {
  name: string
  zones: readonly string[]
}

/** One look that a rule asks for: from a vantage, or from a zone in which there is none. */
export interface Origin {
  /** The name of a vantage, or `zone:NAME` where no vantage belongs to that zone. */
  vantage: string
  covered: boolean
  /** The vantage is in none of the rule's zones; the rule accepts that. */
  indirect: boolean
}

/**
 * From where a rule must be seen: every vantage in its zones, once each, in the order of their names. A zone without a
 * vantage is a place of its own, which nobody can look from. Where a rule accepts indirect evidence and none of its zones
 * has a vantage, one other vantage stands in: the first by name.
 */
export function originsOf(
  rule: { from: readonly string[]; indirect?: boolean },
  vantages: readonly Vantage[],
): Origin[] {
  const sorted = vantages.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const inZones = sorted.filter((vantage) => vantage.zones.some((zone) => rule.from.includes(zone)))
  const direct = inZones.map(({ name }) => ({ vantage: name, covered: true, indirect: false }))
  const standIn = sorted[0]
  if (direct.length === 0 && rule.indirect && standIn) return [{ vantage: standIn.name, covered: true, indirect: true }]
  const empty = rule.from.filter((zone) => !inZones.some((vantage) => vantage.zones.includes(zone)))
  return [...direct, ...empty.map((zone) => ({ vantage: `zone:${zone}`, covered: false, indirect: false }))]
}

/** What a place needs: a look at an endpoint (of a paired rule also from the places of its other side), or a result that is known without one. */
export type PlannedCheck =
  | { kind: 'probe'; origin: Origin; rule: ResolvedRule; host: string; unlike?: Origin[] }
  | {
      kind: 'settled'
      origin: Origin
      ruleId: string
      result: 'notchecked' | 'notapplicable' | 'unknown'
      reason: ReasonCode
    }

/** Plans the rules of a policy for one target. `rules` holds the resolved rule, or `notapplicable` for its target. */
export function planTarget(
  target: { address: string },
  rules: readonly {
    id: string
    from: readonly string[]
    indirect?: boolean
    unlike?: { from: readonly string[] }
    resolved: ResolvedRule | 'notapplicable'
  }[],
  vantages: readonly Vantage[],
): PlannedCheck[] {
  return rules.flatMap((rule) =>
    originsOf(rule, vantages).map((origin): PlannedCheck => {
      const settled = { kind: 'settled', origin, ruleId: rule.id } as const
      if (rule.resolved === 'notapplicable') return { ...settled, result: 'notapplicable', reason: 'condition-not-met' }
      if (!origin.covered && rule.unlike) return { ...settled, result: 'unknown', reason: 'pair-incomplete' }
      if (!origin.covered) return { ...settled, result: 'notchecked', reason: 'no-vantage-in-zone' }
      const probe = { kind: 'probe', origin, rule: rule.resolved, host: rule.resolved.host ?? target.address } as const
      return rule.unlike ? { ...probe, unlike: originsOf(rule.unlike, vantages) } : probe
    }),
  )
}
