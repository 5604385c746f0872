import { noCounts } from '../../domain/findings/verdict.ts'
import type { ControlRule, RuleResults } from '../../domain/policy/controls.ts'
import type { ReportedAudit, ReportedFinding } from '../formats/audit.ts'

type RuleTally = RuleResults & { oldestObservation: string; newestObservation: string }

/** Summary of the findings for the page, collected while they stream. */
export interface Tally {
  rules: Map<string, RuleTally>
  /** The first findings that are neither `pass` nor `notapplicable`. */
  open: ReportedFinding[]
  openTotal: number
}

/** The page lists at most this many open findings. */
export const maxOpenOnPage = 1_000

export const newTally = (): Tally => ({ rules: new Map(), open: [], openTotal: 0 })

/** Counts the findings of each page and passes it on. */
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
    policy,
    rule,
    counts: { ...counts, [result]: counts[result] + 1 },
    waived: waived + (waiver ? 1 : 0),
    oldestObservation: observedAt < oldestObservation ? observedAt : oldestObservation,
    newestObservation: observedAt > newestObservation ? observedAt : newestObservation,
  })
  if (result === 'pass' || result === 'notapplicable') return
  tally.openTotal += 1
  if (tally.open.length < maxOpenOnPage) tally.open.push(finding)
}

const emptyOf = (observedAt: string) => ({
  counts: noCounts,
  waived: 0,
  oldestObservation: observedAt,
  newestObservation: observedAt,
})

/** The rules of the audit's policy version. */
export const rulesOf = ({ policy: { name, version, document } }: ReportedAudit): ControlRule[] =>
  document.rules.map(({ id, title, severity, controls = [] }) => ({
    policy: name,
    version,
    rule: id,
    title,
    severity,
    controls,
    current: true,
  }))
