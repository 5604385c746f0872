import type { Evidence } from '../../domain/findings/evidence.ts'
import { type Choice, type Tally, urgencyByNumber, urgencyOfWaived } from '../../domain/findings/facets.ts'
import type { Result } from '../../domain/findings/judge.ts'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { State } from '../../domain/findings/state.ts'
import { showOutcome } from '../../domain/history/drift.ts'
import { type Severity, severities } from '../../domain/policy/policy.ts'
import { zonesOf } from '../../domain/vantages/zones.ts'
import { required } from '../../runtime/required.ts'
import type { Codes } from '../db/codes.ts'
import { type Database, Prisma } from '../db/database.ts'
import { report } from '../db/statements.ts'
import { waiversAt } from '../exceptions/in-force.ts'
import { andAll } from '../query/conditions.ts'
import { aTime, cutPage, decodeCursor, type Page, type PageRequest } from '../query/cursor-page.ts'
import { rulesAt, trueAt } from '../query/point-in-time.ts'
import { isAbout, needsTarget, type TargetFilter } from '../query/series-joins.ts'
import { andHas, andOfTarget, type Limited, limitedSql, type TargetScope } from '../query/target-scope.ts'
import { lastConfirmed } from './last-confirmed.ts'

export const currentOrders = ['worst', 'newest', 'target', 'stored'] as const
export type CurrentOrder = (typeof currentOrders)[number]

/** Selects targets, and outcomes that are so since a time. */
export interface CurrentTargets extends TargetFilter {
  changedSince?: Date
}
export interface CurrentFilter extends CurrentTargets {
  choice: Choice
  fingerprint?: string
}

/** The outcome of a series at a point in time, with what is needed to say what was expected. */
export interface CurrentFinding {
  fingerprint: string
  targetId: number
  seriesId: number
  target: string
  address: string
  labels: Record<string, string>
  externalId: string | null
  policy: string
  rule: string
  severity: Severity | null
  vantage: string
  zones: string[]
  /** The audit whose finding it is first. */
  audit: string
  result: Result
  state: State
  reason: { code: ReasonCode; message: string }
  evidence: Evidence | null
  since: string
  /** The newest observation that found it so. */
  lastConfirmed: string
  params: Record<string, unknown>
  /** Of the audit that found it first. */
  auditParams: Record<string, unknown>
}

/** What is true of all series at a point in time, across audits; read from spans. */
export function createCurrentFindingStore(
  db: Database,
  { codes, targetScope }: { codes: Codes; targetScope: TargetScope },
) {
  /** The outcomes `f`, with their rule `r` and vantage `v`. */
  const current = (at: Date, conditions: Prisma.Sql, filter: CurrentTargets): Limited => limitedSql`
    WITH rule_now AS MATERIALIZED (${rulesAt(at)}), waived AS MATERIALIZED (${waiversAt(at)}), f AS (
      SELECT x.target_id, x.series_id, x.from_at, x.evidence_id, x.result, x.state, x.reason_id, x.audit_id, s.rule_id, s.vantage_id,
        s.fingerprint, x.result = ${codes.result.numberOf('fail')} AND (x.target_id, s.rule_id) IN (SELECT target_id, rule_id FROM waived) AS waived
      FROM span x JOIN series s ON s.target_id = x.target_id AND s.id = x.series_id
        ${needsTarget(filter) ? Prisma.sql`JOIN target t ON t.id = x.target_id` : Prisma.empty}
      WHERE ${trueAt(at)} ${filter.changedSince ? Prisma.sql`AND x.from_at >= ${filter.changedSince}` : Prisma.empty}
        ${isAbout(filter)} ${conditions} ${andOfTarget(targetScope, 'x.target_id')}
    )`

  const toFinding = (row: Row, confirmed: ReadonlyMap<string, Date>): CurrentFinding => {
    const { result, state, reasonId, evidence, since, urgency: _, ...names } = row
    const outcome = {
      result: codes.result.wordOf(result),
      state: codes.state.wordOf(state),
      reason: codes.reason.wordOf(reasonId),
      evidence: evidence && codes.evidence.fromStored(evidence),
    }
    return {
      ...names,
      zones: zonesOf(row),
      ...showOutcome(outcome),
      evidence: outcome.evidence,
      since: since.toISOString(),
      lastConfirmed: (confirmed.get(row.fingerprint) ?? since).toISOString(),
    }
  }

  return {
    /** Counts all outcomes of these targets by their facets, in one sweep. */
    async tally(at: Date, targets: CurrentTargets): Promise<Tally[]> {
      const rows = await report<Omit<Tally, 'result' | 'reason'> & { result: number; reasonId: number }>(db)`
        ${current(at, Prisma.empty, targets)}
        SELECT r.policy, r.name AS rule, r.severity, v.name AS vantage, v.zones, g.result, g.reason_id AS "reasonId", g.waived, g.count FROM (
          SELECT rule_id, vantage_id, result, reason_id, waived, count(*)::int AS count FROM f GROUP BY 1, 2, 3, 4, 5
        ) g JOIN rule_now r ON r.id = g.rule_id JOIN vantage v ON v.id = g.vantage_id`
      return rows.map(({ result, reasonId, ...row }) => ({
        ...row,
        zones: zonesOf(row),
        result: codes.result.wordOf(result),
        reason: codes.reason.wordOf(reasonId),
      }))
    },

    /** A series by its fingerprint, with or without an outcome. */
    async findSeries(fingerprint: string): Promise<NamedSeries | undefined> {
      const [row] = await report<NamedSeries>(db)`
        SELECT s.target_id AS "targetId", s.id AS "seriesId", t.name AS target, t.address, t.labels, r.policy, r.name AS rule,
          v.name AS vantage, v.zones
        FROM series s JOIN target t ON t.id = s.target_id JOIN rule r ON r.id = s.rule_id JOIN vantage v ON v.id = s.vantage_id
        WHERE s.fingerprint = ${fingerprint}::uuid ${andHas(targetScope, 't.labels')}`
      return row && { ...row, zones: zonesOf(row) }
    },

    /** The newest audits until a point in time that have a finding of a series, newest first. */
    async auditsOf(
      { policy, targetId, seriesId }: Pick<NamedSeries, 'policy' | 'targetId' | 'seriesId'>,
      { at, limit }: { at: Date; limit: number },
    ): Promise<AuditedSeries[]> {
      const rows = await report<
        Omit<AuditedSeries, 'observedAt' | 'result' | 'state'> & { observedAt: Date; result: number; state: number }
      >(db)`
        SELECT a.id, a.trigger, a.correlation_id AS "correlationId", f.observed_at AS "observedAt", f.result, f.state FROM (
          SELECT a.* FROM audit a JOIN policy p ON p.id = a.policy_id
          WHERE p.name = ${policy} AND a.observed_from <= ${at} ${andHas(targetScope, 'a.target_scope')} ORDER BY a.id DESC LIMIT ${searchedAudits}
        ) a CROSS JOIN LATERAL (
          SELECT * FROM finding WHERE audit_id = a.id AND target_id = ${targetId} AND series_id = ${seriesId} AND observed_at <= ${at} LIMIT 1
        ) f ORDER BY a.id DESC LIMIT ${limit}`
      return rows.map((row) => ({
        ...row,
        observedAt: row.observedAt.toISOString(),
        result: codes.result.wordOf(row.result),
        state: codes.state.wordOf(row.state),
      }))
    },

    /** A page of the outcomes that are chosen; `stored` is the order for whole listings. */
    async list(
      at: Date,
      { choice, fingerprint, ...targets }: CurrentFilter,
      { order, cursor, limit }: PageRequest & { order: CurrentOrder },
    ): Promise<Page<CurrentFinding>> {
      const { by, keyOf, after } = orders[order]
      const ofSeries = andAll([fingerprint !== undefined && Prisma.sql`s.fingerprint = ${fingerprint}::uuid`])
      const rows = await report<Row>(db)`
        ${current(at, ofSeries, targets)}, named AS (
          SELECT f.*, t.name AS target, t.address, t.labels, t.external_id, t.params, r.policy, r.name AS rule, r.severity, v.name AS vantage, v.zones,
            (CASE WHEN f.waived THEN ${urgencyOfWaived}::int ELSE (${[...urgencyByNumber]}::int[])[f.result + 1] END) * 10
              + coalesce(array_position(${[...severities]}::text[], r.severity), 0) AS urgency
          FROM f JOIN rule_now r ON r.id = f.rule_id JOIN vantage v ON v.id = f.vantage_id JOIN target t ON t.id = f.target_id
        ), page AS MATERIALIZED (
          SELECT * FROM named f WHERE true ${isChosen(choice, codes)} ${cursor === undefined ? Prisma.empty : after(cursor)}
          ORDER BY ${by} LIMIT ${limit + 1}
        )
        SELECT f.fingerprint, f.target_id AS "targetId", f.series_id AS "seriesId", f.target, f.address, f.labels,
          f.external_id AS "externalId", f.audit_id AS audit, f.params, f.policy, f.rule, f.severity,
          f.vantage, f.zones, f.result, f.state, f.reason_id AS "reasonId", f.from_at AS since, f.urgency, e.content AS evidence,
          coalesce(a.audit_params, '{}') AS "auditParams"
        FROM page f LEFT JOIN LATERAL (SELECT content FROM evidence WHERE id = f.evidence_id LIMIT 1) e ON true
          LEFT JOIN LATERAL (SELECT params AS audit_params FROM audit WHERE id = f.audit_id LIMIT 1) a ON true
        ORDER BY ${by}`
      const confirmed = await lastConfirmed(db, at, rows)
      return cutPage(rows, limit, { keyOf, toItem: (row) => toFinding(row, confirmed) })
    },
  }
}

/** Audits of a policy that are searched for findings of one series. */
const searchedAudits = 200

/** The names of a series. */
export interface NamedSeries {
  targetId: number
  seriesId: number
  target: string
  address: string
  labels: Record<string, string>
  policy: string
  rule: string
  vantage: string
  zones: string[]
}

/** What an audit found of a series. */
export interface AuditedSeries {
  id: string
  trigger: string
  correlationId: string | null
  observedAt: string
  result: Result
  state: State
}

interface Row extends Omit<CurrentFinding, 'result' | 'state' | 'reason' | 'since' | 'lastConfirmed'> {
  result: number
  state: number
  reasonId: number
  since: Date
  urgency: number
}

/** The conditions on the named outcomes `f`, each with its AND. */
function isChosen(choice: Choice, { result, reason }: Codes): Prisma.Sql {
  const some = (values: readonly string[] | undefined, condition: (values: readonly string[]) => Prisma.Sql) =>
    values && values.length > 0 ? condition(values) : undefined
  const isOne = (column: string) => (values: readonly string[]) =>
    Prisma.sql`${Prisma.raw(column)} = ANY(${[...values]}::text[])`
  return andAll([
    some(
      choice.result,
      (words) => Prisma.sql`result = ANY(${words.map((word) => result.numberOf(word as Result))}::int[])`,
    ),
    some(
      choice.reason,
      (words) => Prisma.sql`reason_id = ANY(${words.map((word) => reason.numberOf(word as ReasonCode))}::int[])`,
    ),
    some(choice.severity, isOne('severity')),
    some(choice.policy, isOne('policy')),
    some(choice.rule, isOne('rule')),
    some(choice.vantage, isOne('vantage')),
    some(
      choice.zone,
      (zones) =>
        Prisma.sql`(zones && ${[...zones]}::text[] OR vantage = ANY(${zones.map((zone) => `zone:${zone}`)}::text[]))`,
    ),
    some(choice.waived, isOne('waived::text')),
  ])
}

interface Sorting {
  by: Prisma.Sql
  keyOf(row: Row): (string | number)[]
  after(cursor: string): Prisma.Sql
}

const orders: Readonly<Record<CurrentOrder, Sorting>> = {
  worst: {
    by: Prisma.sql`urgency DESC, from_at DESC, target_id, series_id`,
    keyOf: ({ urgency, since, targetId, seriesId }) => [urgency, since.toISOString(), targetId, seriesId],
    after(cursor) {
      const [urgency, since, target, series] = required(
        decodeCursor<[number, string, number, number]>(cursor, [0, aTime, 0, 0]),
        'a cursor',
      )
      return Prisma.sql`AND (urgency, from_at, -target_id, -series_id) < (${urgency}, ${since}::timestamptz, ${-target}, ${-series})`
    },
  },
  newest: {
    by: Prisma.sql`from_at DESC, target_id, series_id`,
    keyOf: ({ since, targetId, seriesId }) => [since.toISOString(), targetId, seriesId],
    after(cursor) {
      const [since, target, series] = required(
        decodeCursor<[string, number, number]>(cursor, [aTime, 0, 0]),
        'a cursor',
      )
      return Prisma.sql`AND (from_at, -target_id, -series_id) < (${since}::timestamptz, ${-target}, ${-series})`
    },
  },
  target: {
    by: Prisma.sql`target, policy, rule, vantage`,
    keyOf: ({ target, policy, rule, vantage }) => [target, policy, rule, vantage],
    after(cursor) {
      const key = required(decodeCursor(cursor, ['', '', '', '']), 'a cursor')
      return Prisma.sql`AND (target, policy, rule, vantage) > (${Prisma.join(key)})`
    },
  },
  stored: {
    by: Prisma.sql`target_id, series_id`,
    keyOf: ({ targetId, seriesId }) => [targetId, seriesId],
    after(cursor) {
      const key = required(decodeCursor(cursor, [0, 0]), 'a cursor')
      return Prisma.sql`AND (target_id, series_id) > (${Prisma.join(key)})`
    },
  },
}
