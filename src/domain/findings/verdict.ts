import type { Result } from './judge.ts'

export const verdicts = ['pass', 'fail', 'inconclusive'] as const
export type Verdict = (typeof verdicts)[number]
export type Counts = Record<Result, number>

export const noCounts: Readonly<Counts> = { pass: 0, fail: 0, unknown: 0, error: 0, notapplicable: 0, notchecked: 0 }

/** How many checks apply. */
export const countApplying = ({ notapplicable: _, ...counts }: Counts): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

/** Counts of results; `waived` is a part of `fail`. */
export interface AuditCounts extends Counts {
  waived: number
}

/** `fail` with an unwaived failure, else `inconclusive` with an unknown, an error or no pass, else `pass`. */
export function verdictOf(counts: Counts & { waived?: number }): Verdict {
  if (counts.fail > (counts.waived ?? 0)) return 'fail'
  if (counts.unknown > 0 || counts.error > 0 || counts.pass === 0) return 'inconclusive'
  return 'pass'
}

/** How many checks were made, and how many were not; those that do not apply count in neither. */
export const coverageOf = (counts: Counts) => ({
  checked: counts.pass + counts.fail + counts.unknown + counts.error,
  notchecked: counts.notchecked,
})
