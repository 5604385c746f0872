import type { Evidence } from '../../domain/findings/evidence.ts'
import type { Result } from '../../domain/findings/judge.ts'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { State } from '../../domain/findings/state.ts'
import { compareFields, type FieldChange, showOutcome } from '../../domain/history/drift.ts'
import type { Codes } from '../db/codes.ts'
import { type Database, Prisma } from '../db/database.ts'
import { prepared, report } from '../db/statements.ts'
import { andAll } from '../query/conditions.ts'
import { aTime, cutPage, decodeCursor, type Page, type PageRequest } from '../query/cursor-page.ts'
import { overlaps, type Period } from '../query/period.ts'
import { isAbout, type SeriesFilter, seriesNamesOf } from '../query/series-joins.ts'
import { andOfTarget, isEverything, type TargetScope } from '../query/target-scope.ts'

/** What was true of a series over a stretch of time; `to` is null while it lasts. */
export interface Span {
  /** The series; survives a rename of its target. */
  fingerprint: string
  policy: string
  rule: string
  vantage: string
  result: Result
  state: State
  reason: { code: ReasonCode; message: string }
  evidence: Evidence | null
  from: string
  to: string | null
  /** Differences from the previous span. */
  changes: FieldChange[]
}

/** What is known now of one series. */
export interface KnownSeries {
  fingerprint: string
  targetId: number
  policy: string
  rule: string
  vantage: string
  result: Result
  evidence: Evidence | null
  /** Since when it is so. */
  since: Date
}

type SpanFilter = Period & Pick<SeriesFilter, 'policy' | 'rule' | 'vantage'>

/** A span, and the target whose it is. */
export type TargetSpan = Span & { target: string }

/** History, read from spans. */
export function createHistoryStore(db: Database, { codes, targetScope }: { codes: Codes; targetScope: TargetScope }) {
  const evidenceOf = (stored: Evidence | null) => stored && codes.evidence.fromStored(stored)
  const outcomeOf = (row: SideRow) => ({
    result: codes.result.wordOf(row.result),
    state: codes.state.wordOf(row.state),
    reason: codes.reason.wordOf(row.reasonId),
    evidence: evidenceOf(row.evidence),
  })

  const toSpan = (row: SpanRow): Span => {
    const now = outcomeOf(row)
    const before = row.resultBefore === null ? undefined : outcomeOf(sideBefore(row))
    return {
      fingerprint: row.fingerprint,
      policy: row.policy,
      rule: row.rule,
      vantage: row.vantage,
      ...showOutcome(now),
      evidence: now.evidence,
      from: row.fromAt.toISOString(),
      to: row.toAt?.toISOString() ?? null,
      changes: before ? compareFields(before, now) : [],
    }
  }

  return {
    /** The spans of a target that overlap the period, newest first. */
    async spans(targetId: number, { cursor, limit }: PageRequest, filter: SpanFilter = {}): Promise<Page<Span>> {
      const [from, series] = decodeCursor(cursor, [aTime, 0]) ?? ['infinity', 0]
      const rows = await report<SpanRow>(db)`
        SELECT x.*, s.fingerprint, r.policy, r.name AS rule, v.name AS vantage, e.content AS evidence, b.content AS "evidenceBefore"
        FROM (
          SELECT series_id AS "seriesId", from_at AS "fromAt", to_at AS "toAt", evidence_id, result, state, reason_id AS "reasonId",
            lag(evidence_id) OVER w AS evidence_before, lag(result) OVER w AS "resultBefore", lag(state) OVER w AS "stateBefore",
            lag(reason_id) OVER w AS "reasonBefore"
          FROM span x WHERE target_id = ${targetId} ${andOfTarget(targetScope, 'target_id')} WINDOW w AS (PARTITION BY series_id ORDER BY from_at)
        ) x JOIN series s ON s.target_id = ${targetId} AND s.id = x."seriesId" JOIN rule r ON r.id = s.rule_id
          JOIN vantage v ON v.id = s.vantage_id
          LEFT JOIN evidence e ON e.id = x.evidence_id LEFT JOIN evidence b ON b.id = x.evidence_before
        WHERE (x."fromAt", -x."seriesId") < (${from}::timestamptz, ${-series}::int)
          ${isAbout(filter)} ${andAll(overlaps(filter, Prisma.sql`x."fromAt"`, Prisma.sql`x."toAt"`))}
        ORDER BY x."fromAt" DESC, x."seriesId" LIMIT ${limit + 1}`
      return cutPage(rows, limit, {
        keyOf: (row) => [row.fromAt.toISOString(), row.seriesId],
        toItem: toSpan,
      })
    },

    /** The spans of all targets in the order in which they were written last; with `since` those of that time or later. */
    async changes(
      filter: SeriesFilter,
      { since, cursor, limit }: { since?: Date; cursor?: string; limit: number },
    ): Promise<Page<TargetSpan>> {
      const [at, ...key] = decodeCursor(cursor, [aTime, 0, 0, aTime]) ?? ['-infinity', 0, 0, '-infinity']
      const conditions = isAbout(filter)
      // A change of labels can move older spans into the result.
      const joined =
        since && (filter.labels || !isEverything(targetScope))
          ? Prisma.sql`OR f.target_id = ANY(ARRAY(SELECT id FROM target WHERE changed_at >= ${since}))`
          : Prisma.empty
      // The page is cut before names and evidence are joined, as with findings.
      const rows = await report<ChangeRow>(db)`
        SELECT f.target_id AS "targetId", f.series_id AS "seriesId", f.from_at AS "fromAt", f.to_at AS "toAt", f.changed_at AS "changedAt",
          f.result, f.state, f.reason_id AS "reasonId", s.fingerprint, t.name AS target, r.policy, r.name AS rule,
          v.name AS vantage, e.content AS evidence, b.result AS "resultBefore", b.state AS "stateBefore",
          b.reason_id AS "reasonBefore", c.content AS "evidenceBefore"
        FROM (
          SELECT f.* FROM span f ${conditions === Prisma.empty ? conditions : seriesNamesOf('f')}
          WHERE (f.changed_at >= ${since ?? '-infinity'}::timestamptz ${joined})
            AND (f.changed_at, f.target_id, f.series_id, f.from_at) > (${at}::timestamptz, ${key[0]}::int, ${key[1]}::int, ${key[2]}::timestamptz)
            ${andOfTarget(targetScope, 'f.target_id')} ${conditions}
          ORDER BY f.changed_at, f.target_id, f.series_id, f.from_at LIMIT ${limit + 1}
        ) f ${seriesNamesOf('f')} LEFT JOIN LATERAL (
          SELECT * FROM span b WHERE b.target_id = f.target_id AND b.series_id = f.series_id AND b.from_at < f.from_at
          ORDER BY b.from_at DESC LIMIT 1
        ) b ON true LEFT JOIN evidence e ON e.id = f.evidence_id LEFT JOIN evidence c ON c.id = b.evidence_id
        ORDER BY f.changed_at, f.target_id, f.series_id, f.from_at`
      return cutPage(rows, limit, {
        keyOf: (row) => [row.changedAt.toISOString(), row.targetId, row.seriesId, row.fromAt.toISOString()],
        toItem: (row) => ({ target: row.target, ...toSpan(row) }),
      })
    },

    /** How many spans a target has, and how many of them have ended: its history changes only with one of these. */
    async extent(targetId: number): Promise<{ spans: number; ended: number }> {
      const { _count } = await db.span.aggregate({ where: { targetId }, _count: { _all: true, toAt: true } })
      return { spans: _count._all, ended: _count.toAt }
    },

    /** What is known now of targets: the open spans of all their series, with their facts. */
    async newest(
      targetIds: readonly number[],
      filter: Pick<SeriesFilter, 'policy' | 'rules'> = {},
    ): Promise<KnownSeries[]> {
      const rows = await prepared<Omit<KnownSeries, 'result'> & { result: number }>(db)`
        SELECT s.fingerprint, x.target_id AS "targetId", r.policy, r.name AS rule, v.name AS vantage, x.result, e.content AS evidence, x.from_at AS since
        FROM span x JOIN series s ON s.target_id = x.target_id AND s.id = x.series_id JOIN rule r ON r.id = s.rule_id
          JOIN vantage v ON v.id = s.vantage_id LEFT JOIN evidence e ON e.id = x.evidence_id
        WHERE x.to_at IS NULL AND x.target_id = ANY(${[...targetIds]}::int[]) ${isAbout(filter)} ${andOfTarget(targetScope, 'x.target_id')}`
      return rows.map((row) => ({
        ...row,
        result: codes.result.wordOf(row.result),
        evidence: evidenceOf(row.evidence),
      }))
    },
  }
}

type ChangeRow = SpanRow & { targetId: number; target: string; changedAt: Date }

interface SideRow {
  result: number
  state: number
  reasonId: number
  evidence: Evidence | null
}
interface SpanRow extends SideRow {
  fingerprint: string
  seriesId: number
  policy: string
  rule: string
  vantage: string
  fromAt: Date
  toAt: Date | null
  resultBefore: number | null
  stateBefore: number | null
  reasonBefore: number | null
  evidenceBefore: Evidence | null
}
const sideBefore = (row: SpanRow): SideRow => ({
  result: row.resultBefore ?? 0,
  state: row.stateBefore ?? 0,
  reasonId: row.reasonBefore ?? 0,
  evidence: row.evidenceBefore,
})
