import { type Counts, coverageOf } from '../findings/verdict.ts'

/** Counts of findings, and the share that passed. */
export interface ComplianceScore {
  counts: Counts
  coverage: { checked: number; notchecked: number }
  /** From 0 to 1; null if nothing was checked. */
  score: number | null
}

/** Passes divided by checked findings, unknown ones included. */
export function scoreOf(counts: Counts): ComplianceScore {
  const coverage = coverageOf(counts)
  return { counts, coverage, score: coverage.checked === 0 ? null : counts.pass / coverage.checked }
}
