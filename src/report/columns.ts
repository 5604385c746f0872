import type { Columns } from './tables.ts'

interface Reasoned {
  reason: { code: string; message: string }
}
interface Placed {
  rule: string
  vantage: string
}
interface Judged extends Reasoned, Placed {
  result: string
  state: string
  evidence: unknown
}

const judged: Columns<Judged> = {
  rule: (item) => item.rule,
  vantage: (item) => item.vantage,
  result: (item) => item.result,
  state: (item) => item.state,
  reasonCode: (item) => item.reason.code,
  reasonMessage: (item) => item.reason.message,
  evidence: (item) => (item.evidence === null ? null : JSON.stringify(item.evidence)),
}

interface FindingRow extends Judged {
  window: string | null
  waiver: { id: string } | null
  target: string
  observedAt: string
  latencyMs: number | null
  attempts: number
  indirect: boolean
}

/** The columns of findings. */
export const findingColumns: Columns<FindingRow> = {
  target: (item) => item.target,
  ...judged,
  observedAt: (item) => item.observedAt,
  latencyMs: (item) => item.latencyMs,
  attempts: (item) => item.attempts,
  indirect: (item) => item.indirect,
  window: (item) => item.window,
  waiver: (item) => item.waiver?.id ?? null,
}

interface SpanRow extends Judged {
  policy: string
  from: string
  to: string | null
  changes: unknown
}

/** The columns of a target's history. */
export const spanColumns: Columns<SpanRow> = {
  from: (item) => item.from,
  to: (item) => item.to,
  policy: (item) => item.policy,
  ...judged,
  changes: (item) => JSON.stringify(item.changes),
}

type Side = ({ result: string; state: string } & Reasoned) | null
interface DriftRow extends Placed {
  class: string
  cause: string
  significance: string
  target: string
  policy: string
  at: string
  before: Side
  after: Side
  changes: unknown
}

/** The columns of a drift report. */
export const driftColumns: Columns<DriftRow> = {
  class: (item) => item.class,
  cause: (item) => item.cause,
  significance: (item) => item.significance,
  target: (item) => item.target,
  policy: (item) => item.policy,
  rule: (item) => item.rule,
  vantage: (item) => item.vantage,
  at: (item) => item.at,
  resultBefore: (item) => item.before?.result ?? null,
  stateBefore: (item) => item.before?.state ?? null,
  reasonBefore: (item) => item.before?.reason.code ?? null,
  resultAfter: (item) => item.after?.result ?? null,
  stateAfter: (item) => item.after?.state ?? null,
  reasonAfter: (item) => item.after?.reason.code ?? null,
  changes: (item) => JSON.stringify(item.changes),
}

interface ComplianceRow {
  policy: string
  severity: string | null
  group: string
  counts: Record<'pass' | 'fail' | 'unknown' | 'error' | 'notapplicable' | 'notchecked', number>
  waived: number
  score: number | null
  oldestObservation: string | null
  newestObservation: string | null
}

/** The columns of a compliance report. */
export const complianceColumns: Columns<ComplianceRow> = {
  policy: (item) => item.policy,
  severity: (item) => item.severity,
  group: (item) => item.group,
  pass: (item) => item.counts.pass,
  fail: (item) => item.counts.fail,
  unknown: (item) => item.counts.unknown,
  error: (item) => item.counts.error,
  notapplicable: (item) => item.counts.notapplicable,
  notchecked: (item) => item.counts.notchecked,
  waived: (item) => item.waived,
  score: (item) => item.score,
  oldestObservation: (item) => item.oldestObservation,
  newestObservation: (item) => item.newestObservation,
}
