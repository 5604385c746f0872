import type { NewFinding } from '../audits/record-findings.ts'

/** Told of what happens, to count it; what it counts may have been undone by a transaction that failed afterwards. */
export interface Watch {
  recorded(findings: readonly NewFinding[]): void
  ended(audit: { status: string; verdict: string }): void
}
