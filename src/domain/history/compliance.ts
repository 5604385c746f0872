import { type Counts, coverageOf } from '../findings/verdict.ts'

/** Counts of findings, and the share that passed. */
export interface ComplianceScore {
  counts: Counts
  coverage: { checked: number; notchecked: number }
  /** From 0 to 1; null if nothing was checked. */
  score: number | null
}

export const groupOrders = ['name', 'worst'] as const
export type GroupOrder = (typeof groupOrders)[number]

/** What decides the order of groups. */
interface Ordered {
  policy: string
  severity: string | null
  group: string
  counts: Counts
  waived: number
}

/**
 * The sort key of a group, in ascending order. `worst`: most failures that no waiver accepts first, then most findings without a
 * conclusion; equal ones by name.
 */
export function orderKey({ policy, severity, group, counts, waived }: Ordered, order: GroupOrder): (string | number)[] {
  const name = [policy, group, severity ?? '']
  return order === 'name' ? name : [waived - counts.fail, -(counts.unknown + counts.error), ...name]
}

/** Compares two sort keys, texts by their UTF-16 code units. */
export function compareKeys(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [i, part] of a.entries()) {
    const other = b[i] ?? part
    if (part !== other) return part < other ? -1 : 1
  }
  return 0
}

/** Passes divided by checked findings, unknown ones included. */
export function scoreOf(counts: Counts): ComplianceScore {
  const coverage = coverageOf(counts)
  return { counts, coverage, score: coverage.checked === 0 ? null : counts.pass / coverage.checked }
}
