import type { results } from '../../../domain/findings/judge.ts'
import type { Severity } from '../../../domain/policy/policy.ts'

/** The results of findings, a waived failure apart. */
export type ShownResult = (typeof results)[number] | 'waived'

export const resultNames: Readonly<Record<ShownResult, string>> = {
  pass: 'Pass',
  fail: 'Fail',
  waived: 'Waived',
  unknown: 'Unknown',
  error: 'Error',
  notapplicable: 'Not applicable',
  notchecked: 'Not checked',
}

/** How a result is shown: a failure that a waiver accepts is waived. */
export const shownResult = (result: string, waiver?: unknown): ShownResult =>
  result === 'fail' && waiver ? 'waived' : (result as ShownResult)

/** In the order in which bars show them: what was checked first. */
export const resultOrder: readonly ShownResult[] = [
  'fail',
  'error',
  'unknown',
  'waived',
  'pass',
  'notchecked',
  'notapplicable',
]

/** The severities, the worst first. */
export const severities: readonly Severity[] = ['high', 'medium', 'low']
