import { type Result, results } from '../findings/judge.ts'
import type { Counts } from '../findings/verdict.ts'
import { type ComplianceScore, scoreOf } from '../history/compliance.ts'

/** A result, and whether a waiver accepts it. */
export interface Accepted {
  result: Result
  waived: boolean
}

/** How the findings of a policy stand. */
export interface Standing extends ComplianceScore {
  /** How many of those that fail a waiver accepts. */
  waived: number
}

/** The counts of a whole policy after some of its findings changed from one result to another. */
export function standingWith(
  whole: { counts: Counts; waived: number },
  changes: readonly { from: Accepted; to: Accepted }[],
): Standing {
  const counts = { ...whole.counts }
  let waived = whole.waived
  for (const { from, to } of changes) {
    counts[from.result]--
    counts[to.result]++
    waived += Number(to.waived) - Number(from.waived)
  }
  // An audit may have recorded between the two reads.
  for (const result of results) counts[result] = Math.max(0, counts[result])
  return { ...scoreOf(counts), waived: Math.max(0, waived) }
}
