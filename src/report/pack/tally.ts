import { noCounts } from '../../domain/findings/verdict.ts'
import type { ControlRule, RuleResults } from '../../domain/policy/controls.ts'
import type { ReportedAudit, ReportedFinding } from '../formats/audit.ts'

type RuleTally = RuleResults & { oldestObservation: string; newestObservation: string }

/** What the page of a pack says of the findings, collected while they pass by: a line for each rule, and the first that are open. */
export interface Tally {
  rules: Map<string, RuleTally>
  /** The first findings that neither passed nor were found not to apply. */
  open: ReportedFinding[]
  openInAll: number
}

/** So many findings stand on the page; all are in the files beside it. */
export const openOnPage = 1_000

export const newTally = (): Tally => ({ rules: new Map(), open: [], openInAll: 0 })

/** Passes the pages of findings on, and counts them. */
export async function* counted(
  tally: Tally,
  policy: string,
  pages: AsyncIterable<readonly ReportedFinding[]>,
): AsyncGenerator<readonly ReportedFinding[]> {
  for await (const page of pages) {
    for (const finding of page) count(tally, policy, finding)
    yield page
  }
}

function count(tally: Tally, policy: string, finding: ReportedFinding): void {
  const { rule, result, waiver, observedAt } = finding
  const known = tally.rules.get(rule)
  const { counts, waived, oldestObservation, newestObservation } = known ?? emptyOf(observedAt)
  tally.rules.set(rule, {
    ...{ policy, rule, counts: { ...counts, [result]: counts[result] + 1 } },
    waived: waived + (waiver ? 1 : 0),
    oldestObservation: observedAt < oldestObservation ? observedAt : oldestObservation,
    newestObservation: observedAt > newestObservation ? observedAt : newestObservation,
  })
  if (result === 'pass' || result === 'notapplicable') return
  tally.openInAll += 1
  if (tally.open.length < openOnPage) tally.open.push(finding)
}

const emptyOf = (observedAt: string) => ({
  ...{ counts: noCounts, waived: 0, oldestObservation: observedAt, newestObservation: observedAt },
})

/** The rules of the audit's policy version. */
export const rulesOf = ({ policy: { name, version, document } }: ReportedAudit): ControlRule[] =>
  document.rules.map(({ id, title, severity, controls = [] }) => ({
    ...{ policy: name, version, rule: id, title, severity, controls, current: true },
  }))
