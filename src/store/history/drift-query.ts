import { results } from '../../domain/findings/judge.ts'
import { classify, type DriftClass } from '../../domain/history/drift.ts'
import type { Severity } from '../../domain/policy/policy.ts'
import { Prisma } from '../db/database.ts'
import { rulesAt, trueAt } from '../query/point-in-time.ts'
import { isAbout, type SeriesFilter, seriesNamesOf } from '../query/series-joins.ts'
import { andOfTarget, type Limited, limitedSql, type TargetScope } from '../query/target-scope.ts'

/**
 * One of the two ends of a drift report: a time (`within`: limited to the scope of this audit), what an audit found, or what
 * was approved. What an audit did not find was not there where it `tested` all; it may have checked chosen vantages and rules
 * alone, or not have ended.
 */
export type PointInTime =
  | { time: Date; within?: string }
  | { auditId: string; tested: 'all' | 'chosen' | 'unknown' }
  | { baseline: string }

export interface DriftFilter extends SeriesFilter {
  class?: DriftClass
  /** Of the rule, in the newest version of its policy at a point in time that has it. */
  severity?: { is: Severity; at: Date }
}

/** A difference without facts, enough to classify and count. */
export interface Difference {
  fingerprint: string
  seriesId: number
  targetId: number
  target: string
  policy: string
  rule: string
  vantage: string
  at: Date
  /** Results before and after, see `encodeTransition`. */
  transition: number
  before: Side | null
  after: Side | null
  /** How many differences there are in all, by their transition. */
  tallies: Tally[]
}

export interface Side {
  result: number
  state: number
  reason_id: number
  evidence_id: number
  policy_version: number | null
}

export interface Tally {
  transition: number
  count: number
}

export type Key = [targetId: number, seriesId: number]
export interface Keyset {
  after?: Key | undefined
  limit: number
}

/** Two points in time with one scope. */
interface Sides {
  from: PointInTime
  to: PointInTime
}

/** Limits both sides to the scope of an audit. */
export function inOneScope(from: PointInTime, to: PointInTime): Sides {
  const within = (point: PointInTime, other: PointInTime): PointInTime => {
    const audit = 'auditId' in other ? other.auditId : 'within' in other ? other.within : undefined
    return 'time' in point && !point.within && audit ? { ...point, within: audit } : point
  }
  return { from: within(from, to), to: within(to, from) }
}

/**
 * The differences in the order of targets and series from the one after `after`. Each carries the counts of all of them, so that
 * one query returns both; names are read for the shown rows alone.
 */
export function differencesBetween(
  sides: Sides & { targetScope: TargetScope },
  filter: DriftFilter,
  { after, limit }: Keyset,
): Limited {
  return limitedSql`
    WITH ${differing(sides)}, chosen AS MATERIALIZED (
      SELECT d.*, ${transitionOf(sides)} AS transition FROM differing d ${needsNames(sides, filter) ? seriesNamesOf('d') : Prisma.empty}
      WHERE ${transitionOf(sides)} = ANY(${transitionsOf(filter.class)}::int[]) ${policiesOf(sides)} ${isAbout(filter)} ${andSeverity(filter)}
        ${andOfTarget(sides.targetScope, 'd.target_id')}
    )
    SELECT d.target_id AS "targetId", d.series_id AS "seriesId", s.fingerprint, t.name AS target, r.policy, r.name AS rule, v.name AS vantage, d.at,
      d.transition, ${shown('b')} AS before, ${shown('a')} AS after,
      (SELECT jsonb_agg(c) FROM (SELECT transition, count(*) FROM chosen GROUP BY 1) c) AS tallies
    FROM (
      SELECT * FROM chosen ${after ? Prisma.sql`WHERE (target_id, series_id) > (${Prisma.join(after)})` : Prisma.empty}
      ORDER BY target_id, series_id LIMIT ${limit}
    ) d ${seriesNamesOf('d')}
    ORDER BY d.target_id, d.series_id`
}

/** The condition, with its AND, that the rule `r` has a severity. */
export const andSeverity = ({ severity }: Pick<DriftFilter, 'severity'>): Prisma.Sql =>
  severity
    ? Prisma.sql`AND r.id IN (SELECT id FROM (${rulesAt(severity.at)}) said WHERE severity = ${severity.is})`
    : Prisma.empty

const shown = (side: 'b' | 'a') =>
  Prisma.raw(`CASE WHEN ${side}_result IS NOT NULL THEN jsonb_build_object(
    'result', ${side}_result, 'state', ${side}_state, 'reason_id', ${side}_reason_id, 'evidence_id', ${side}_evidence_id, 'policy_version',
    (SELECT p.version FROM audit u JOIN policy p ON p.id = u.policy_id WHERE u.id = ${side}_audit_id)) END`)

/** The series that are not the same on both sides; the columns of each side have its letter. */
function differing({ from, to }: Sides): Prisma.Sql {
  const columns = ['result', 'state', 'reason_id', 'evidence_id', 'audit_id']
  const ofBoth = columns.map((column) => `b.${column} AS b_${column}, a.${column} AS a_${column}`).join(', ')
  return Prisma.sql`differing AS (
    SELECT coalesce(a.target_id, b.target_id) AS target_id, coalesce(a.series_id, b.series_id) AS series_id,
      coalesce(a.at, ${goneAt(to)}, b.at) AS at, ${Prisma.raw(ofBoth)}
    FROM (${sideOf(from, to)}) b FULL JOIN (${sideOf(to, from)}) a ON a.target_id = b.target_id AND a.series_id = b.series_id
    WHERE (a.result, a.state, a.reason_id, a.evidence_id) IS DISTINCT FROM (b.result, b.state, b.reason_id, b.evidence_id)
  )`
}

/** When a series became absent. */
function goneAt(to: PointInTime): Prisma.Sql {
  if ('time' in to) return Prisma.sql`least(b.to_at, ${to.time}::timestamptz)`
  if ('baseline' in to) return Prisma.sql`NULL::timestamptz`
  return Prisma.sql`(SELECT coalesce(observed_until, finished_at) FROM audit WHERE id = ${to.auditId}::uuid)`
}

// One number for the inputs of classify(), so that PostgreSQL can filter and count by class.
const absent = -1
/** The same of two columns, null where a side is absent; nothing is untested between two times. */
export const transitionBetween = (before: string, after: string): Prisma.Sql =>
  Prisma.raw(
    `((coalesce(${before}, ${absent}) - (${absent})) * 20 + (coalesce(${after}, ${absent}) - (${absent})) * 2)`,
  )
const resultNumbers = [absent, ...results.keys()]
const encodeTransition = (before: number, after: number, untested: boolean) =>
  (before - absent) * 20 + (after - absent) * 2 + Number(untested)
export const isUntested = (number: number) => number % 2 === 1

function transitionOf({ from, to }: Sides): Prisma.Sql {
  const side = (letter: string) => Prisma.raw(`coalesce(d.${letter}_result, ${absent}) - (${absent})`)
  return Prisma.sql`(${side('b')}) * 20 + (${side('a')}) * 2
    + CASE WHEN d.a_result IS NULL THEN ${untestedIn(to)} WHEN d.b_result IS NULL THEN ${untestedIn(from)} ELSE 0 END`
}

/** 1 where an absent series was merely not tested: the audit did not come to it, or chose other vantages or rules. */
function untestedIn(point: PointInTime): Prisma.Sql {
  if (!('auditId' in point) || point.tested === 'all') return Prisma.sql`0`
  if (point.tested === 'unknown') return Prisma.sql`1`
  return Prisma.sql`(SELECT NOT EXISTS (
      SELECT FROM series s JOIN vantage v ON v.id = s.vantage_id JOIN rule r ON r.id = s.rule_id
      WHERE s.target_id = d.target_id AND s.id = d.series_id AND (u.vantages = '{}' OR v.name = ANY(u.vantages))
        AND (coalesce(u.rules, '{}') = '{}' OR r.name = ANY(u.rules))
    ) FROM audit u WHERE u.id = ${point.auditId}::uuid)::int`
}

const classes: ReadonlyMap<number, DriftClass> = new Map(
  resultNumbers.flatMap((before) =>
    resultNumbers.flatMap((after) =>
      [false, true].flatMap((untested) => {
        const kind = classify(results[before], results[after], { untested })
        return kind ? [[encodeTransition(before, after, untested), kind] as const] : []
      }),
    ),
  ),
)

export const transitionsOf = (kind: DriftClass | undefined): number[] =>
  [...classes].filter(([, one]) => kind === undefined || one === kind).map(([number]) => number)

export function classOf(number: number): DriftClass {
  const kind = classes.get(number)
  if (!kind) throw new Error(`transition ${number} has no class of drift`)
  return kind
}

/** What was true of every series at a point in time: (target_id, series_id, at, to_at, result, state, reason_id, evidence_id, audit_id). */
function sideOf(point: PointInTime, other: PointInTime): Prisma.Sql {
  const never = Prisma.sql`NULL::timestamptz AS to_at`
  const columns = Prisma.sql`result, state, reason_id, evidence_id, audit_id`
  if ('auditId' in point) {
    return Prisma.sql`SELECT target_id, series_id, observed_at AS at, ${never}, ${columns} FROM finding WHERE audit_id = ${point.auditId}::uuid`
  }
  if ('baseline' in point) {
    return Prisma.sql`SELECT target_id, series_id, at, ${never}, ${columns} FROM baseline_state WHERE baseline = ${point.baseline}`
  }
  return Prisma.sql`SELECT target_id, series_id, from_at AS at, to_at, ${columns} FROM span x
    WHERE ${trueAt(point.time)}
      ${notAlsoAt(point, other)} ${withinAudit(point.within)}`
}

function withinAudit(auditId: string | undefined): Prisma.Sql {
  if (auditId === undefined) return Prisma.empty
  return Prisma.sql`AND EXISTS (
    SELECT FROM audit u JOIN policy p ON p.id = u.policy_id JOIN rule r ON r.policy = p.name JOIN series s ON s.rule_id = r.id
    WHERE u.id = ${auditId}::uuid AND s.target_id = x.target_id AND s.id = x.series_id AND s.target_id = ANY(u.target_ids))`
}

/** Between two times nothing differs where one span covers both: only what ended or began between them is read. */
function notAlsoAt(point: Extract<PointInTime, { time: Date }>, other: PointInTime): Prisma.Sql {
  if (!('time' in other) || point.within !== other.within) return Prisma.empty
  return point.time < other.time ? Prisma.sql`AND to_at <= ${other.time}` : Prisma.sql`AND from_at > ${other.time}`
}

/** Counting needs no names, unless they filter. */
const needsNames = ({ from, to }: Sides, { class: _class, ...filter }: DriftFilter): boolean =>
  'baseline' in from || 'baseline' in to || Object.values(filter).some((value) => value !== undefined)

/** A baseline covers the policy that it was approved for. */
function policiesOf({ from, to }: Sides): Prisma.Sql {
  const of = (point: PointInTime, side: string) =>
    'baseline' in point
      ? Prisma.sql`AND (${Prisma.raw(`d.${side}_result IS NOT NULL`)} OR r.policy = (
          SELECT p.name FROM baseline n JOIN audit u ON u.id = n.audit_id JOIN policy p ON p.id = u.policy_id WHERE n.name = ${point.baseline}))`
      : Prisma.empty
  return Prisma.sql`${of(from, 'b')} ${of(to, 'a')}`
}
