import type { ResolvedRule } from '../policy/policy.ts'
import { type Judgement, judge, worstOf } from './judge.ts'
import type { Observation } from './observation.ts'

/** What a paired rule demands of the places that it is to be seen differently from: a rule of its own for the look and the judgement. */
export const otherSideOf = ({ unlike, ...rule }: ResolvedRule): ResolvedRule => ({
  ...rule,
  from: unlike?.from ?? [],
  expect: unlike?.expect ?? {},
})

/**
 * Judges a paired rule: what one vantage saw, and what each vantage of the other side saw in the same audit. It passes when
 * both sides are as they must be; the worst of the judgements decides. With one of the observations missing, or nobody on
 * the other side, it is `unknown` whatever the others say: half a pair is never a pass, and never a failure either.
 */
export function judgePair(
  rule: ResolvedRule,
  { seen, others }: { seen: Observation | undefined; others: readonly (Observation | undefined)[] },
): Judgement {
  const [other, ...rest] = others.filter((observation) => observation !== undefined)
  if (!seen || !other || rest.length + 1 < others.length)
    return { result: 'unknown', state: 'unknown', reason: 'pair-incomplete' }
  const context = { windowOpen: false } // the loader lets no paired rule have `insideWindow`
  const otherRule = otherSideOf(rule)
  return worstOf([judge(rule, seen, context), ...[other, ...rest].map((one) => judge(otherRule, one, context))])
}
