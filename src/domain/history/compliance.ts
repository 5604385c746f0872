import { type Counts, coverageOf } from '../findings/verdict.ts'

/** Counts of one group of findings, and the share of what was checked that passed. */
export interface ComplianceScore {
  counts: Counts
  coverage: { checked: number; notchecked: number }
  /** From 0 to 1; null where nothing was checked. */
  score: number | null
}

/** Scores a group: passes among all that was checked. What could not be told counts against it, as it is not proven. */
export function scoreOf(counts: Counts): ComplianceScore {
  const coverage = coverageOf(counts)
  return { counts, coverage, score: coverage.checked === 0 ? null : counts.pass / coverage.checked }
}
