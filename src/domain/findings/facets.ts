import type { Severity } from '../policy/policy.ts'
import { type Result, results } from './judge.ts'
import type { ReasonCode } from './reasons.ts'

/** By what outcomes are chosen, besides their targets. */
export const facetNames = ['result', 'severity', 'policy', 'rule', 'vantage', 'zone', 'reason', 'waived'] as const
export type FacetName = (typeof facetNames)[number]

/** How many outcomes agree in all facets. */
export interface Tally {
  result: Result
  severity: Severity | null
  policy: string
  rule: string
  vantage: string
  zones: readonly string[]
  reason: ReasonCode
  waived: boolean
  count: number
}

/** The chosen values of facets; an absent or empty list chooses all. */
export type Choice = { [Name in FacetName]?: readonly string[] }

/** The values of a facet with the number of outcomes that they would choose, most first. */
export type Facets = Record<FacetName, { value: string; count: number }[]>

const valuesOf: { [Name in FacetName]: (tally: Tally) => readonly string[] } = {
  result: ({ result }) => [result],
  severity: ({ severity }) => (severity ? [severity] : []),
  policy: ({ policy }) => [policy],
  rule: ({ rule }) => [rule],
  vantage: ({ vantage }) => [vantage],
  zone: ({ zones }) => zones,
  reason: ({ reason }) => [reason],
  waived: ({ waived }) => [String(waived)],
}

/** Counts the outcomes of a choice, and for each facet those of the choice in all other facets. */
export function facetsOf(tallies: readonly Tally[], choice: Choice): { total: number; facets: Facets } {
  const isChosen = (tally: Tally, except?: FacetName) =>
    facetNames.every((name) => {
      const chosen = choice[name] ?? []
      return name === except || chosen.length === 0 || valuesOf[name](tally).some((value) => chosen.includes(value))
    })
  const total = tallies.reduce((sum, tally) => sum + (isChosen(tally) ? tally.count : 0), 0)
  const facets = Object.fromEntries(
    facetNames.map((name) => [
      name,
      countsOf(
        tallies.filter((tally) => isChosen(tally, name)),
        valuesOf[name],
      ),
    ]),
  ) as Facets
  return { total, facets }
}

function countsOf(tallies: readonly Tally[], valuesFor: (tally: Tally) => readonly string[]): Facets[FacetName] {
  const counts = new Map<string, number>()
  for (const tally of tallies)
    for (const value of valuesFor(tally)) counts.set(value, (counts.get(value) ?? 0) + tally.count)
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
}

/** How soon an outcome needs a person: failures without a waiver first, then what is not known. By `results`. */
const urgencies: Readonly<Record<Result, number>> = {
  fail: 6,
  error: 5,
  unknown: 4,
  notchecked: 3,
  pass: 1,
  notapplicable: 0,
}
export const urgencyByNumber: readonly number[] = results.map((result) => urgencies[result])
export const urgencyOfWaived = 2
