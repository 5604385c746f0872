import {
  causeOf,
  classify,
  compareFields,
  type DriftCause,
  type DriftClass,
  driftClasses,
  type FieldChange,
  type SeriesState,
} from '../domain/drift.ts'
import type { Evidence } from '../domain/evidence.ts'
import { describeReason, type ReasonCode } from '../domain/reasons.ts'
import { type Significance, significanceOf, significanceOfDrift } from '../domain/significance.ts'
import type { Codes } from './codes.ts'
import { type Database, Prisma } from './database.ts'
import { type FlapRate, flapRates } from './flapping.ts'
import { cutPage, decodeCursor, type Page } from './page.ts'

/** One of the two ends of a drift report: a time, what an audit found, or what was approved. */
export type Moment = { time: Date } | { auditId: string; ended: boolean } | { baseline: string }

export interface DriftFilter {
  target?: string
  labels?: Record<string, string>
  policy?: string
  rule?: string
  vantage?: string
  class?: DriftClass
}

type ShownState = Pick<SeriesState, 'result' | 'state'> & { reason: { code: ReasonCode; message: string } }

export interface DriftItem {
  class: DriftClass
  cause: DriftCause
  significance: Significance
  target: string
  policy: string
  rule: string
  vantage: string
  /** When the state on the later side was first seen. */
  at: string
  before: ShownState | null
  after: ShownState | null
  changes: (FieldChange & { significance: Significance })[]
  /** How often the series changed of late, where that is too often. */
  flapping: FlapRate | null
}

/** What differs, without its facts: enough to classify and to count. */
interface Difference {
  seriesId: number
  targetId: number
  target: string
  policy: string
  rule: string
  vantage: string
  at: Date
  kind: DriftClass
  cause: DriftCause
  before: Side | null
  after: Side | null
}

export interface Drift {
  summary: Record<DriftClass, number>
  /** A page of the items, by target, policy, rule and vantage, with their facts. */
  page(options: { cursor?: string; limit: number }): Promise<Page<DriftItem>>
}

export type DriftStore = ReturnType<typeof createDriftStore>

/** Drift between two moments, read from spans, findings and baselines. */
export function createDriftStore(db: Database, codes: Codes) {
  const stateOf = (side: Side, evidence: unknown): SeriesState => ({
    result: codes.result.wordOf(side.result),
    state: codes.state.wordOf(side.state),
    reason: codes.reason.wordOf(side.reason_id),
    evidence,
    policyVersion: side.policy_version ?? 0,
  })

  return {
    /** The moment of an audit and when it was; undefined where there is no such audit. */
    async momentOf(auditId: string): Promise<{ moment: Moment; at: Date } | undefined> {
      const row = await db.audit.findUnique({
        where: { id: auditId },
        select: { observedUntil: true, finishedAt: true, createdAt: true, status: true },
      })
      if (!row) return undefined
      // A failed audit was not planned, so it looked at nothing; what is not there was not tested.
      const ended = row.status === 'completed' || row.status === 'canceled'
      return { moment: { auditId, ended }, at: row.observedUntil ?? row.finishedAt ?? row.createdAt }
    },

    /** Compares two moments: first by ids alone, so that counting is cheap; the facts are read for the page that is shown. */
    async compare(from: Moment, to: Moment, filter: DriftFilter = {}): Promise<Drift> {
      const rows = await db.$queryRaw<DifferenceRow[]>(differencesBetween(from, to, filter))
      const untested = 'auditId' in to && !to.ended
      const differences = rows.flatMap((row): Difference[] => {
        const before = row.before ? stateOf(row.before, row.before.evidence_id) : undefined
        const after = row.after ? stateOf(row.after, row.after.evidence_id) : undefined
        const kind = classify(before, after, { untested })
        if (!kind || (filter.class && filter.class !== kind)) return []
        return [{ ...row, kind, cause: kind === 'obscured' && !after ? 'environment' : causeOf(before, after) }]
      })
      const count = (kind: DriftClass) => differences.filter((difference) => difference.kind === kind).length
      return {
        summary: Object.fromEntries(driftClasses.map((kind) => [kind, count(kind)])) as Record<DriftClass, number>,
        page: (options) => pageOf(differences, options),
      }
    },
  }

  async function pageOf(
    differences: readonly Difference[],
    { cursor, limit }: { cursor?: string; limit: number },
  ): Promise<Page<DriftItem>> {
    const after = decodeCursor(cursor, ['', '', '', ''])
    const start = after ? differences.findIndex((difference) => isAfter(keyOf(difference), after)) : 0
    const rows = start < 0 ? [] : differences.slice(start, start + limit + 1)
    const facts = await readEvidence(
      db,
      rows.flatMap(({ before, after: later }) => [before?.evidence_id ?? 0, later?.evidence_id ?? 0]),
    )
    const flapping = await flapRates(db, rows)
    const itemOf = (row: Difference) => toItem(row, { facts, flapping, stateOf })
    return cutPage(rows, limit, { keyOf, toItem: itemOf })
  }
}

const keyOf = ({ target, policy, rule, vantage }: Difference): [string, string, string, string] => [
  target,
  policy,
  rule,
  vantage,
]

function isAfter(key: readonly string[], cursor: readonly string[]): boolean {
  const place = key.findIndex((part, i) => part !== cursor[i])
  return place >= 0 && (key[place] ?? '') > (cursor[place] ?? '')
}

interface Reading {
  facts: ReadonlyMap<number, Evidence>
  flapping: ReadonlyMap<number, FlapRate>
  stateOf: (side: Side, evidence: unknown) => SeriesState
}

function toItem(row: Difference, { facts, flapping, stateOf }: Reading): DriftItem {
  const withFacts = (side: Side | null) => (side ? stateOf(side, facts.get(side.evidence_id) ?? null) : undefined)
  const before = withFacts(row.before)
  const after = withFacts(row.after)
  // A side that is not there differs in everything: listing that would say nothing.
  const changes = before && after ? compareFields(before, after) : []
  return {
    class: row.kind,
    cause: row.cause,
    significance: significanceOfDrift(row.kind, after, changes),
    ...{ target: row.target, policy: row.policy, rule: row.rule, vantage: row.vantage },
    at: row.at.toISOString(),
    before: before ? show(before) : null,
    after: after ? show(after) : null,
    changes: changes.map((change) => ({ ...change, significance: significanceOf(change) })),
    flapping: flapping.get(row.seriesId) ?? null,
  }
}

const show = ({ result, state, reason }: SeriesState): ShownState => ({ result, state, reason: describeReason(reason) })

async function readEvidence(db: Database, ids: readonly number[]): Promise<Map<number, Evidence>> {
  const rows = await db.$queryRaw<{ id: number; content: Evidence }[]>`
    SELECT id, content FROM evidence WHERE id = ANY(${[...new Set(ids)]}::int[])`
  return new Map(rows.map(({ id, content }) => [id, content]))
}

interface Side {
  result: number
  state: number
  reason_id: number
  evidence_id: number
  policy_version: number | null
}
type DifferenceRow = Omit<Difference, 'kind' | 'cause'>

function differencesBetween(from: Moment, to: Moment, filter: DriftFilter): Prisma.Sql {
  const toTime = 'time' in to ? to.time : null
  return Prisma.sql`
    WITH before AS (${sideOf(from)}), after AS (${sideOf(to)}), differing AS (
      SELECT coalesce(a.target_id, b.target_id) AS target_id, coalesce(a.series_id, b.series_id) AS series_id,
        coalesce(a.at, ${toTime}::timestamptz, b.at) AS at, b, a
      FROM before b FULL JOIN after a ON a.target_id = b.target_id AND a.series_id = b.series_id
      WHERE (a.result, a.state, a.reason_id, a.evidence_id) IS DISTINCT FROM (b.result, b.state, b.reason_id, b.evidence_id)
        ${'time' in from && 'time' in to ? changedBetween(from.time, to.time) : Prisma.empty}
    )
    SELECT d.target_id AS "targetId", d.series_id AS "seriesId", t.name AS target, r.policy, r.name AS rule, v.name AS vantage, d.at,
      CASE WHEN (d.b).series_id IS NOT NULL THEN to_jsonb(d.b) || jsonb_build_object('policy_version', pb.version) END AS before,
      CASE WHEN (d.a).series_id IS NOT NULL THEN to_jsonb(d.a) || jsonb_build_object('policy_version', pa.version) END AS after
    FROM differing d JOIN series s ON s.target_id = d.target_id AND s.id = d.series_id JOIN target t ON t.id = d.target_id
      JOIN rule r ON r.id = s.rule_id JOIN vantage v ON v.id = s.vantage_id
      LEFT JOIN audit ub ON ub.id = (d.b).audit_id LEFT JOIN policy pb ON pb.id = ub.policy_id
      LEFT JOIN audit ua ON ua.id = (d.a).audit_id LEFT JOIN policy pa ON pa.id = ua.policy_id
    ${whereOf(filter)}
    ORDER BY t.name COLLATE "C", r.policy COLLATE "C", r.name COLLATE "C", v.name COLLATE "C"`
}

/** What was true of every series at a moment: (target_id, series_id, at, result, state, reason_id, evidence_id, audit_id). */
function sideOf(moment: Moment): Prisma.Sql {
  const columns = Prisma.sql`result, state, reason_id, evidence_id, audit_id`
  if ('auditId' in moment) {
    return Prisma.sql`SELECT target_id, series_id, observed_at AS at, ${columns} FROM finding WHERE audit_id = ${moment.auditId}::uuid`
  }
  if ('baseline' in moment) {
    return Prisma.sql`SELECT target_id, series_id, at, ${columns} FROM baseline_state WHERE baseline = ${moment.baseline}`
  }
  return Prisma.sql`SELECT target_id, series_id, from_at AS at, ${columns} FROM span
    WHERE from_at <= ${moment.time} AND (to_at IS NULL OR to_at > ${moment.time})`
}

/** Between two times only series with a span that began or ended between them can differ. */
function changedBetween(from: Date, to: Date): Prisma.Sql {
  const [early, late] = from < to ? [from, to] : [to, from]
  return Prisma.sql`AND (coalesce(a.target_id, b.target_id), coalesce(a.series_id, b.series_id)) IN (
    SELECT target_id, series_id FROM span WHERE from_at > ${early} AND from_at <= ${late}
    UNION SELECT target_id, series_id FROM span WHERE to_at > ${early} AND to_at <= ${late})`
}

function whereOf({ target, labels, policy, rule, vantage }: DriftFilter): Prisma.Sql {
  const conditions = [
    target !== undefined && Prisma.sql`t.name = ${target}`,
    labels !== undefined && Prisma.sql`t.labels @> ${JSON.stringify(labels)}::jsonb`,
    policy !== undefined && Prisma.sql`r.policy = ${policy}`,
    rule !== undefined && Prisma.sql`r.name = ${rule}`,
    vantage !== undefined && Prisma.sql`v.name = ${vantage}`,
  ].filter((condition) => condition !== false)
  return conditions.length > 0 ? Prisma.sql`WHERE ${Prisma.join(conditions, ' AND ')}` : Prisma.empty
}
