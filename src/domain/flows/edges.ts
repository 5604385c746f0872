import type { Result } from '../findings/judge.ts'
import type { State } from '../findings/state.ts'
import { type Counts, noCounts } from '../findings/verdict.ts'
import { zonesOfFinding } from '../findings/zones.ts'
import type { PolicyRule } from '../policy/policy.ts'

/** What a rule demands of a port, as a picture shows it: `either`: the state decides nothing. */
export const flowKinds = ['open', 'closed', 'window', 'either'] as const
export type FlowKind = (typeof flowKinds)[number]

/** The kind of a flow: `window`: closed, but open inside a window. */
export function flowKindOf({ expect, insideWindow }: Pick<PolicyRule, 'expect' | 'insideWindow'>): FlowKind {
  const states = statesOf(expect)
  const mayBeOpen = states.includes('open')
  if (mayBeOpen) return states.length === 1 ? 'open' : 'either'
  return insideWindow && statesOf(insideWindow.expect).includes('open') ? 'window' : 'closed'
}

/** The states that an expectation allows; silence about it means open. */
export const statesOf = ({ state, onlyOpen }: Record<string, unknown>): State[] =>
  (state as State[] | undefined) ?? (onlyOpen === undefined ? ['open'] : ['closed', 'filtered'])

/** How many checks of a rule from a vantage have the same outcome. */
export interface FlowOutcome {
  rule: string
  vantage: string
  zones: readonly string[]
  result: Result
  state: State
  waived: boolean
  count: number
}

/** The outcomes of a flow, summed up. */
export interface FlowStanding {
  counts: Counts
  waived: number
  /** The worst outcome, with the state that most of its checks have; null without one. */
  worst: { result: Result; state: State } | null
}

/** The worst first; a waived failure comes after what is not known, and before a pass. */
const worstFirst = ['fail', 'error', 'unknown', 'notchecked', 'waived', 'pass', 'notapplicable'] as const
const rankOf = ({ result, waived }: Pick<FlowOutcome, 'result' | 'waived'>) =>
  worstFirst.indexOf(waived ? 'waived' : result)

/** The outcomes of a rule that are about one of its zones. */
export const outcomesIn = (rule: Pick<PolicyRule, 'from'>, zone: string, outcomes: readonly FlowOutcome[]) =>
  outcomes.filter(({ vantage, zones }) => zonesOfFinding(rule.from, { name: vantage, zones }).includes(zone))

export function standingOf(outcomes: readonly FlowOutcome[]): FlowStanding {
  const counts = { ...noCounts }
  let waived = 0
  for (const outcome of outcomes) {
    counts[outcome.result] += outcome.count
    if (outcome.waived) waived += outcome.count
  }
  const [worst] = outcomes.toSorted((a, b) => rankOf(a) - rankOf(b) || b.count - a.count)
  return { counts, waived, worst: worst ? { result: worst.result, state: worst.state } : null }
}
