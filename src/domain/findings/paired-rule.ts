import type { ResolvedRule } from '../policy/policy.ts'
import { type Judgement, judge, worstOf } from './judge.ts'
import type { Observation } from './observation.ts'

/** The other side of a paired rule, as a rule. */
export const otherSideOf = ({ unlike, ...rule }: ResolvedRule): ResolvedRule => ({
  ...rule,
  from: unlike?.from ?? [],
  expect: unlike?.expect ?? {},
})

/**
 * Judges the observation of one vantage together with those of the other side in the same audit: the worst judgement
 * decides. If an observation is missing, or the other side has none, it is `unknown`: half a pair proves nothing.
 */
export function judgePair(
  rule: ResolvedRule,
  { seen, others }: { seen: Observation | undefined; others: readonly (Observation | undefined)[] },
): Judgement {
  const [other, ...rest] = others.filter((observation) => observation !== undefined)
  if (!seen || !other || rest.length + 1 < others.length)
    return { result: 'unknown', state: 'unknown', reason: 'pair-incomplete' }
  const context = { windowOpen: false } // the loader refuses `insideWindow` in a paired rule
  const otherRule = otherSideOf(rule)
  return worstOf([judge(rule, seen, context), ...[other, ...rest].map((one) => judge(otherRule, one, context))])
}
