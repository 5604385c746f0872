import type { Result } from './judge.ts'

export const verdicts = ['pass', 'fail', 'inconclusive'] as const
export type Verdict = (typeof verdicts)[number]
export type Counts = Record<Result, number>

export const noCounts: Readonly<Counts> = { pass: 0, fail: 0, unknown: 0, error: 0, notapplicable: 0, notchecked: 0 }

/** `fail` if any finding fails, else `inconclusive` if any is unknown or an error or none was checked, else `pass`. */
export function verdictOf(counts: Counts): Verdict {
  if (counts.fail > 0) return 'fail'
  if (counts.unknown > 0 || counts.error > 0 || counts.pass === 0) return 'inconclusive'
  return 'pass'
}

/** How much of what the policy asks was looked at; what does not apply counts on neither side. */
export const coverageOf = (counts: Counts) => ({
  checked: counts.pass + counts.fail + counts.unknown + counts.error,
  notchecked: counts.notchecked,
})
