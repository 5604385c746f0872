import { otherSideOf } from '../../domain/findings/paired-rule.ts'
import type { ResolvedRule } from '../../domain/policy/policy.ts'
import type { Pair, Pairs } from '../../store/audits/paired-observations.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Look } from './plan.ts'

/**
 * What paired rules need beyond their own looks: the pairs that the end of the audit has to judge, and the looks from the
 * other side, once each however many pairs share them.
 */
export async function planPairs(stores: Stores, looks: readonly Look[]): Promise<Pairs & { looks: Look[] }> {
  const paired = looks.filter((look) => look.unlike)
  if (paired.length === 0) return { rules: [], pairs: [], looks: [] }
  const places = [...new Set(paired.flatMap(({ unlike = [] }) => unlike.map(({ vantage }) => vantage)))]
  const ids = await stores.vantages.ids(places)
  const rules = new Map<ResolvedRule, { index: number; other: ResolvedRule }>()
  const others = new Map<string, Look>()
  const pairs = paired.map((look): Pair => {
    const rule = rules.get(look.rule) ?? { index: rules.size, other: otherSideOf(look.rule) }
    rules.set(look.rule, rule)
    const sides = (look.unlike ?? []).map((place) => {
      const vantageId = place.covered ? (ids.get(place.vantage) ?? null) : null
      const key = JSON.stringify([look.targetId, look.rule.id, place.vantage])
      if (vantageId !== null) others.set(key, { ...look, place, vantageId, rule: rule.other, side: 'other' })
      return { vantage: place.vantage, vantageId }
    })
    const { targetId, seriesId, vantageId } = look
    return { targetId, seriesId, vantageId, rule: rule.index, others: sides }
  })
  return { rules: [...rules.keys()], pairs, looks: [...others.values()] }
}
