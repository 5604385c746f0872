import { otherSideOf } from '../../domain/findings/paired-rule.ts'
import type { PlannedCheck } from '../../domain/findings/plan.ts'
import type { ResolvedRule } from '../../domain/policy/policy.ts'
import type { Pair, Pairs } from '../../store/audits/paired-observations.ts'
import type { Stores } from '../../store/db/stores.ts'

/** A planned check with the ids of its rows. */
export type Planned = PlannedCheck & { targetId: number; seriesId: number; vantageId: number }

/** `side: 'other'`: the check that a paired rule compares with. */
export type PlannedProbe = Extract<Planned, { kind: 'probe' }> & { side?: 'other' }

/**
 * What paired rules need beyond their own checks: the pairs that the end of the audit judges, and the checks from the
 * other side, once each however many pairs share them.
 */
export async function planPairs(
  stores: Stores,
  probes: readonly PlannedProbe[],
): Promise<Pairs & { probes: PlannedProbe[] }> {
  const paired = probes.filter((probe) => probe.unlike)
  if (paired.length === 0) return { rules: [], pairs: [], probes: [] }
  const vantages = [...new Set(paired.flatMap(({ unlike = [] }) => unlike.map(({ vantage }) => vantage)))]
  const ids = await stores.vantages.ids(vantages)
  const rules = new Map<ResolvedRule, { index: number; other: ResolvedRule }>()
  const others = new Map<string, PlannedProbe>()
  const pairs = paired.map((probe): Pair => {
    const rule = rules.get(probe.rule) ?? { index: rules.size, other: otherSideOf(probe.rule) }
    rules.set(probe.rule, rule)
    const sides = (probe.unlike ?? []).map((origin) => {
      const vantageId = origin.covered ? (ids.get(origin.vantage) ?? null) : null
      const key = JSON.stringify([probe.targetId, probe.rule.id, origin.vantage])
      if (vantageId !== null) others.set(key, { ...probe, origin, vantageId, rule: rule.other, side: 'other' })
      return { vantage: origin.vantage, vantageId }
    })
    const { targetId, seriesId, vantageId } = probe
    return { targetId, seriesId, vantageId, rule: rule.index, others: sides }
  })
  return { rules: [...rules.keys()], pairs, probes: [...others.values()] }
}
