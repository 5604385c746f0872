import type { NewFinding } from '../audits/record-findings.ts'

/** Counts what is recorded, also where the transaction is rolled back afterwards. */
export interface Watch {
  recorded(findings: readonly NewFinding[]): void
}
