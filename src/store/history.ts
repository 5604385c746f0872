import {
  causeOf,
  classify,
  compareFields,
  type DriftCause,
  type DriftClass,
  type FieldChange,
  type SeriesState,
} from '../domain/drift.ts'
import type { Evidence } from '../domain/evidence.ts'
import { describeReason, type ReasonCode } from '../domain/reasons.ts'
import type { Codes } from './codes.ts'
import { type Database, Prisma } from './database.ts'
import { cutPage, decodeCursor, type Page } from './page.ts'

/** What was true of a series over a stretch of time; `to` is null while it lasts. */
export interface Span {
  rule: string
  vantage: string
  result: SeriesState['result']
  state: SeriesState['state']
  reason: { code: ReasonCode; message: string }
  evidence: Evidence | null
  from: string
  to: string | null
  /** What differs from the span before; empty for the first one. */
  changes: FieldChange[]
}

/** One of the two ends of a drift report: a time, or what an audit found. */
export type Moment = { time: Date } | { auditId: string }

export interface DriftItem {
  class: DriftClass
  cause: DriftCause
  target: string
  rule: string
  vantage: string
  /** When the state on the later side was first seen. */
  at: string
  before: ShownState | null
  after: ShownState | null
  changes: FieldChange[]
}
type ShownState = Pick<SeriesState, 'result' | 'state'> & { reason: { code: ReasonCode; message: string } }

export type HistoryStore = ReturnType<typeof createHistoryStore>

/** History and drift, read from spans and findings. */
export function createHistoryStore(db: Database, codes: Codes) {
  const stateOf = (row: SideRow): SeriesState => ({
    result: codes.result.wordOf(row.result),
    state: codes.state.wordOf(row.state),
    reason: codes.reason.wordOf(row.reasonId),
    evidence: row.evidence,
    policyVersion: row.policyVersion,
  })

  return {
    /** The spans of a target, newest first. */
    async spans(targetId: number, { cursor, limit }: { cursor?: string; limit: number }): Promise<Page<Span>> {
      const [from, series] = decodeCursor(cursor, ['', 0]) ?? ['infinity', 0]
      const rows = await db.$queryRaw<SpanRow[]>`
        SELECT x.*, r.name AS rule, v.name AS vantage, e.content AS evidence, b.content AS "evidenceBefore"
        FROM (
          SELECT series_id AS "seriesId", from_at AS "fromAt", to_at AS "toAt", evidence_id, ${sideColumns},
            lag(evidence_id) OVER w AS evidence_before, lag(result) OVER w AS "resultBefore", lag(state) OVER w AS "stateBefore",
            lag(reason_id) OVER w AS "reasonBefore"
          FROM span x WHERE target_id = ${targetId} WINDOW w AS (PARTITION BY series_id ORDER BY from_at)
        ) x JOIN series s ON s.target_id = ${targetId} AND s.id = x."seriesId" JOIN rule r ON r.id = s.rule_id
          JOIN vantage v ON v.id = s.vantage_id
          LEFT JOIN evidence e ON e.id = x.evidence_id LEFT JOIN evidence b ON b.id = x.evidence_before
        WHERE (x."fromAt", -x."seriesId") < (${from}::timestamptz, ${-series}::int)
        ORDER BY x."fromAt" DESC, x."seriesId" LIMIT ${limit + 1}`
      return cutPage(rows, limit, {
        keyOf: (row) => [row.fromAt.toISOString(), row.seriesId],
        toItem: (row) => {
          const now = stateOf(row)
          const before = row.resultBefore === null ? undefined : stateOf(sideBefore(row))
          return {
            rule: row.rule,
            vantage: row.vantage,
            ...show(now),
            evidence: row.evidence,
            from: row.fromAt.toISOString(),
            to: row.toAt?.toISOString() ?? null,
            changes: before ? compareFields(before, now) : [],
          }
        },
      })
    },

    /** What differs between two moments, by target, rule and vantage. */
    async drift(from: Moment, to: Moment): Promise<DriftItem[]> {
      const rows = await db.$queryRaw<DriftRow[]>`
        WITH before AS (${sideOf(from)}), after AS (${sideOf(to)}), differing AS (
          SELECT coalesce(a.target_id, b.target_id) AS target_id, coalesce(a.series_id, b.series_id) AS series_id,
            coalesce(a.at, ${atOf(to)}::timestamptz) AS at, to_jsonb(b) AS before, to_jsonb(a) AS after
          FROM before b FULL JOIN after a ON a.target_id = b.target_id AND a.series_id = b.series_id
          WHERE (a.result, a.state, a.reason_id, a.evidence_id) IS DISTINCT FROM (b.result, b.state, b.reason_id, b.evidence_id)
            ${'time' in from && 'time' in to ? changedBetween(from.time, to.time) : Prisma.empty}
        )
        SELECT t.name AS target, r.name AS rule, v.name AS vantage, d.at, d.before, d.after,
          eb.content AS "evidenceBefore", ea.content AS "evidenceAfter", pb.version AS "versionBefore", pa.version AS "versionAfter"
        FROM differing d JOIN series s ON s.target_id = d.target_id AND s.id = d.series_id JOIN target t ON t.id = d.target_id
          JOIN rule r ON r.id = s.rule_id JOIN vantage v ON v.id = s.vantage_id
          LEFT JOIN evidence eb ON eb.id = (d.before->>'evidence_id')::int LEFT JOIN evidence ea ON ea.id = (d.after->>'evidence_id')::int
          LEFT JOIN audit ub ON ub.id = (d.before->>'audit_id')::uuid LEFT JOIN policy pb ON pb.id = ub.policy_id
          LEFT JOIN audit ua ON ua.id = (d.after->>'audit_id')::uuid LEFT JOIN policy pa ON pa.id = ua.policy_id
        ORDER BY 1, 2, 3`
      return rows.flatMap((row) => toDriftItem(row, stateOf) ?? [])
    },

    /** When an audit's moment is, for a report's head; undefined where there is no such audit. */
    async momentOf(auditId: string): Promise<Date | undefined> {
      const row = await db.audit.findUnique({
        where: { id: auditId },
        select: { observedUntil: true, finishedAt: true, createdAt: true },
      })
      return row ? (row.observedUntil ?? row.finishedAt ?? row.createdAt) : undefined
    },
  }
}

interface SideRow {
  result: number
  state: number
  reasonId: number
  evidence: Evidence | null
  policyVersion: number
}
interface SpanRow extends SideRow {
  seriesId: number
  rule: string
  vantage: string
  fromAt: Date
  toAt: Date | null
  resultBefore: number | null
  stateBefore: number | null
  reasonBefore: number | null
  evidenceBefore: Evidence | null
}
interface DriftRow {
  target: string
  rule: string
  vantage: string
  at: Date
  before: { result: number; state: number; reason_id: number } | null
  after: { result: number; state: number; reason_id: number } | null
  evidenceBefore: Evidence | null
  evidenceAfter: Evidence | null
  versionBefore: number | null
  versionAfter: number | null
}

const sideColumns = Prisma.sql`result, state, reason_id AS "reasonId", 0 AS "policyVersion"`

/** The state of every series at a moment: as (target_id, series_id, at, result, state, reason_id, evidence_id, audit_id). */
const sideOf = (moment: Moment) =>
  'auditId' in moment
    ? Prisma.sql`SELECT target_id, series_id, observed_at AS at, result, state, reason_id, evidence_id, audit_id
        FROM finding WHERE audit_id = ${moment.auditId}::uuid`
    : Prisma.sql`SELECT target_id, series_id, from_at AS at, result, state, reason_id, evidence_id, audit_id
        FROM span WHERE from_at <= ${moment.time} AND (to_at IS NULL OR to_at > ${moment.time})`

/** Between two times only series with a span that began between them can differ. */
const changedBetween = (from: Date, to: Date) => Prisma.sql`
  AND (coalesce(a.target_id, b.target_id), coalesce(a.series_id, b.series_id)) IN (
    SELECT target_id, series_id FROM span WHERE from_at > least(${from}::timestamptz, ${to}::timestamptz)
      AND from_at <= greatest(${from}::timestamptz, ${to}::timestamptz))`

const atOf = (moment: Moment) => ('time' in moment ? moment.time : null)

const sideBefore = (row: SpanRow): SideRow => ({
  result: row.resultBefore ?? 0,
  state: row.stateBefore ?? 0,
  reasonId: row.reasonBefore ?? 0,
  evidence: row.evidenceBefore,
  policyVersion: row.policyVersion,
})

const show = ({ result, state, reason }: SeriesState) => ({ result, state, reason: describeReason(reason) })

function toDriftItem(row: DriftRow, stateOf: (side: SideRow) => SeriesState): DriftItem | undefined {
  const side = (of: DriftRow['before'], evidence: Evidence | null, version: number | null) =>
    of ? stateOf({ ...of, reasonId: of.reason_id, evidence, policyVersion: version ?? 0 }) : undefined
  const before = side(row.before, row.evidenceBefore, row.versionBefore)
  const after = side(row.after, row.evidenceAfter, row.versionAfter)
  const kind = classify(before, after)
  if (!kind) return undefined
  return {
    class: kind,
    cause: causeOf(before, after),
    target: row.target,
    rule: row.rule,
    vantage: row.vantage,
    at: row.at.toISOString(),
    before: before ? show(before) : null,
    after: after ? show(after) : null,
    changes: compareFields(before, after),
  }
}
