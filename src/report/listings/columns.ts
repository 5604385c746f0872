import type { Counts } from '../../domain/findings/verdict.ts'
import { type DriftClass, driftClasses } from '../../domain/history/drift.ts'
import type { ControlStanding, RuleStanding } from '../../domain/policy/controls.ts'
import type { Columns } from '../../encoding/csv.ts'

interface Reasoned {
  reason: { code: string; message: string }
}
interface SeriesRow {
  rule: string
  vantage: string
}
interface Judged extends Reasoned, SeriesRow {
  result: string
  state: string
  evidence: object | null
  fingerprint: string
}

const judged: Columns<Judged> = {
  rule: (item) => item.rule,
  vantage: (item) => item.vantage,
  result: (item) => item.result,
  state: (item) => item.state,
  reasonCode: (item) => item.reason.code,
  reasonMessage: (item) => item.reason.message,
  evidence: (item) => item.evidence,
}

export interface FindingRow extends Judged {
  window: string | null
  waiver: { id: string } | null
  target: string
  observedAt: string
  latencyMs: number | null
  attempts: number
  indirect: boolean
  late: boolean
}

export const findingColumns: Columns<FindingRow> = {
  target: (item) => item.target,
  ...judged,
  observedAt: (item) => item.observedAt,
  latencyMs: (item) => item.latencyMs,
  attempts: (item) => item.attempts,
  indirect: (item) => item.indirect,
  late: (item) => item.late,
  window: (item) => item.window,
  waiver: (item) => item.waiver?.id ?? null,
  fingerprint: (item) => item.fingerprint,
}

/** What makes a row understood by itself: its rule, its target and its page. */
export interface Described {
  policy: string
  policyVersion: number | null
  title: string | null
  severity: string | null
  controls: readonly string[]
  remediation: string | null
  zones: readonly string[]
  address: string
  labels: object
  externalId: string | null
  host: string | null
  port: number | null
  audit: string
  url: string | null
}

const ofTarget: Columns<Described> = {
  address: (item) => item.address,
  labels: (item) => item.labels,
  externalId: (item) => item.externalId,
  host: (item) => item.host,
  port: (item) => item.port,
  controls: (item) => item.controls.join(' '),
  remediation: (item) => item.remediation,
  audit: (item) => item.audit,
  policyVersion: (item) => item.policyVersion,
  url: (item) => item.url,
}

interface CurrentFindingRow extends Judged, Described {
  target: string
  expected: object | null
  since: string
  lastConfirmed: string
  window: string | null
  waiver: { id: string } | null
}

export const currentFindingColumns: Columns<CurrentFindingRow> = {
  target: (item) => item.target,
  policy: (item) => item.policy,
  title: (item) => item.title,
  severity: (item) => item.severity,
  ...judged,
  zones: (item) => item.zones.join(' '),
  expected: (item) => item.expected,
  since: (item) => item.since,
  lastConfirmed: (item) => item.lastConfirmed,
  window: (item) => item.window,
  waiver: (item) => item.waiver?.id ?? null,
  fingerprint: (item) => item.fingerprint,
  ...ofTarget,
}

interface SpanRow extends Judged {
  policy: string
  from: string
  to: string | null
  changes: object
}

export const spanColumns: Columns<SpanRow> = {
  from: (item) => item.from,
  to: (item) => item.to,
  policy: (item) => item.policy,
  ...judged,
  changes: (item) => item.changes,
  fingerprint: (item) => item.fingerprint,
}

export const changeColumns: Columns<SpanRow & { target: string }> = { target: (item) => item.target, ...spanColumns }

type Side = ({ result: string; state: string } & Reasoned) | null
interface DriftRow extends SeriesRow {
  class: string
  cause: string
  significance: string
  target: string
  policy: string
  at: string
  fingerprint: string
  before: Side
  after: Side
  changes: object
}

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
  changes: (item) => item.changes,
  fingerprint: (item) => item.fingerprint,
}

type DriftStep = { from: string; to: string } & Record<DriftClass, number>

export const driftStepColumns: Columns<DriftStep> = {
  from: (item) => item.from,
  to: (item) => item.to,
  ...(Object.fromEntries(driftClasses.map((kind) => [kind, (item: DriftStep) => item[kind]])) as Columns<DriftStep>),
}

interface Summed {
  counts: Counts
  waived: number
  score: number | null
}
interface Counted extends Summed {
  oldestObservation: string | null
  newestObservation: string | null
}

const summed: Columns<Summed> = {
  pass: (item) => item.counts.pass,
  fail: (item) => item.counts.fail,
  unknown: (item) => item.counts.unknown,
  error: (item) => item.counts.error,
  notapplicable: (item) => item.counts.notapplicable,
  notchecked: (item) => item.counts.notchecked,
  waived: (item) => item.waived,
  score: (item) => item.score,
}

const counted: Columns<Counted> = {
  ...summed,
  oldestObservation: (item) => item.oldestObservation,
  newestObservation: (item) => item.newestObservation,
}

export const trendColumns: Columns<Summed & { at: string; policy: string; group: string }> = {
  at: (item) => item.at,
  policy: (item) => item.policy,
  group: (item) => item.group,
  ...summed,
}

export const complianceColumns: Columns<Counted & { policy: string; severity: string | null; group: string }> = {
  policy: (item) => item.policy,
  severity: (item) => item.severity,
  group: (item) => item.group,
  ...counted,
}

interface UnknownRow {
  cause: string
  count: number
  targets: number
  policy: string | null
  rule: string | null
  vantage: string | null
  zones: readonly string[]
  schedule: string | null
  reason: string | null
  message: string | null
  examples: readonly string[]
  since: string | null
}

export const unknownTargetColumns: Columns<{ target: string }> = { target: (item) => item.target }

export const unknownColumns: Columns<UnknownRow> = {
  cause: (item) => item.cause,
  count: (item) => item.count,
  targets: (item) => item.targets,
  policy: (item) => item.policy,
  rule: (item) => item.rule,
  vantage: (item) => item.vantage,
  zones: (item) => item.zones.join(' '),
  schedule: (item) => item.schedule,
  reason: (item) => item.reason,
  message: (item) => item.message,
  examples: (item) => item.examples.join(' '),
  since: (item) => item.since,
}

type ControlRow = RuleStanding & Pick<ControlStanding, 'framework' | 'control' | 'verdict'> & { name: string | null }

/** One row per rule and control. */
export const controlRows = (items: readonly ControlStanding[]): ControlRow[] =>
  items.flatMap(({ framework, control, title: name, verdict, rules }) =>
    rules.map((rule) => ({ ...rule, framework, control, name, verdict })),
  )

/** A rule without an audit has no counts and no observation. */
export const controlColumns: Columns<ControlRow> = {
  framework: (item) => item.framework,
  control: (item) => item.control,
  controlTitle: (item) => item.name,
  controlVerdict: (item) => item.verdict,
  policy: (item) => item.policy,
  policyVersion: (item) => item.version,
  rule: (item) => item.rule,
  severity: (item) => item.severity,
  ...counted,
}
