import { type Result, results } from '../../domain/findings/judge.ts'
import { zonesOfFinding } from '../../domain/findings/zones.ts'
import { required } from '../../runtime/required.ts'
import type { Codes } from '../db/codes.ts'
import { type Database, Prisma } from '../db/database.ts'
import { report, reportOnAll } from '../db/statements.ts'
import { type Points, pointsBefore, type RuleVersion, ruleVersions } from '../query/point-in-time.ts'
import { selects } from '../query/selection.ts'
import { isAbout, needsTarget } from '../query/series-joins.ts'
import { andOfTarget, type Limited, limitedSql, type TargetScope } from '../query/target-scope.ts'
import type { ComplianceFilter } from './compliance.ts'

export const trendGroupings = ['policy', 'severity', 'vantage', 'zone'] as const
export type TrendGrouping = (typeof trendGroupings)[number]

/** Counts of one group: of each result, and of the waived ones of those that fail, a number for each point in time. */
export interface TrendGroup extends Record<Result | 'waived', number[]> {
  policy: string
  /** Empty: no version had the rule by then, so its severity is not known. */
  group: string
}

/** A version of a policy that became the newest. */
export interface TrendVersion {
  policy: string
  version: number
  createdAt: Date
}

/** Compliance over time. */
export function createTrendStore(db: Database, { codes, targetScope }: { codes: Codes; targetScope: TargetScope }) {
  return {
    /**
     * Counts of results at each point, as compliance has them at one. Reads every span once: it changes a count at the first point
     * at which it is in force, and at the first at which it is not.
     */
    async groups(points: Points, by: TrendGrouping, filter: ComplianceFilter): Promise<TrendGroup[]> {
      if (points.length === 0) return []
      const failed = codes.result.numberOf('fail')
      const changes = await report<Change>(db)`${changesAt(points, { by, filter, targetScope, failed })}`
      const said =
        by === 'severity' || by === 'zone' ? await reportOnAll<RuleVersion>(db)`${ruleVersions(filter.policy)}` : []
      return addUp(changes, { points, groupsAt: groupsOf(by, said), codes })
    },

    /** The versions of policies that were created between two points in time, oldest first; no more than `maxVersions`. */
    async versions(from: Date, to: Date, { policy }: ComplianceFilter): Promise<TrendVersion[]> {
      const where = { createdAt: { gte: from, lte: to }, ...(policy === undefined ? {} : { name: policy }) }
      const select = { name: true, version: true, createdAt: true }
      const rows = await db.policy.findMany({ where, select, orderBy: { createdAt: 'desc' }, take: maxVersions })
      return rows.map(({ name, ...row }) => ({ policy: name, ...row })).toReversed()
    },
  }
}

const maxVersions = 400

/** The groups of a change at a point in time. */
type GroupsAt = (change: Change, at: Date) => readonly string[]

function groupsOf(by: TrendGrouping, said: readonly RuleVersion[]): GroupsAt {
  if (by === 'policy') return ({ policy }) => [policy]
  if (by === 'vantage') return ({ vantage }) => [required(vantage, 'the vantage of a series')]
  const versions = Map.groupBy(said, keyOfRule)
  return ({ policy, rule, vantage, zones }, at) => {
    const version = versions
      .get(keyOfRule({ policy, name: required(rule, 'the rule of a series') }))
      ?.find(({ from_at, to_at }) => from_at <= at && (to_at === null || to_at > at))
    if (by === 'severity') return [version?.severity ?? '']
    return zonesOfFinding(version?.zones ?? null, { name: vantage ?? '', zones: zones ?? [] })
  }
}

const keyOfRule = ({ policy, name }: { policy: string; name: string }) => JSON.stringify([policy, name])

/** Adds up the changes of each rule, vantage and result, and at each point what they come to by group. */
function addUp(
  changes: readonly Change[],
  { points, groupsAt, codes }: { points: Points; groupsAt: GroupsAt; codes: Codes },
): TrendGroup[] {
  const groups = new Map<string, TrendGroup>()
  const groupOf = (policy: string, group: string) => {
    const key = JSON.stringify([policy, group])
    const known = groups.get(key) ?? emptyGroup(policy, group, points.length)
    groups.set(key, known)
    return known
  }
  const counters = Map.groupBy(changes, ({ policy, rule, vantage, result }) =>
    JSON.stringify([policy, rule, vantage, result]),
  )
  for (const some of counters.values()) {
    const one = required(some[0], 'the first change of a count')
    const word = one.result === waived ? 'waived' : codes.result.wordOf(one.result)
    const differences = new Map(some.map(({ point, change }) => [point, change]))
    let count = 0
    for (const [point, at] of points.entries()) {
      count += differences.get(point) ?? 0
      if (count === 0) continue
      for (const group of groupsAt(one, at)) {
        const counts = groupOf(one.policy, group)[word]
        counts[point] = (counts[point] ?? 0) + count
      }
    }
  }
  return [...groups.values()].toSorted((a, b) => compareTexts(a.policy, b.policy) || compareTexts(a.group, b.group))
}

const compareTexts = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

function emptyGroup(policy: string, group: string, points: number): TrendGroup {
  const words = [...results, 'waived' as const]
  const counts = Object.fromEntries(words.map((word) => [word, new Array<number>(points).fill(0)]))
  return { policy, group, ...(counts as Record<(typeof words)[number], number[]>) }
}

const waived = -1

/** How much a count differs from the point before. What does not decide the group is null. */
interface Change {
  policy: string
  rule: string | null
  vantage: string | null
  /** The zones of the vantage. */
  zones: string[] | null
  /** A number of a result, or `waived`. */
  result: number
  point: number
  change: number
}

interface Wanted {
  by: TrendGrouping
  filter: ComplianceFilter
  targetScope: TargetScope
  failed: number
}

/** Two changes for each span, added up by point. */
function changesAt(points: Points, { by, filter, targetScope, failed }: Wanted): Limited {
  const [first, last] = [points[0], points.at(-1)]
  const rule = Prisma.raw(by === 'severity' || by === 'zone' ? 'r.name' : 'NULL::text')
  const vantage = Prisma.raw(by === 'vantage' || by === 'zone' ? 's.vantage_id' : 'NULL::int')
  const start = pointsBefore(Prisma.sql`x.from_at`, points)
  const end = pointsBefore(Prisma.sql`x.to_at`, points)
  const spans = Prisma.sql`span x JOIN series s ON s.target_id = x.target_id AND s.id = x.series_id JOIN rule r ON r.id = s.rule_id
    ${needsTarget(filter) ? Prisma.sql`JOIN target t ON t.id = x.target_id` : Prisma.empty}`
  const wanted = limitedSql`x.from_at <= ${last} AND (x.to_at IS NULL OR x.to_at > ${first})
    ${isAbout(filter)} ${andOfTarget(targetScope, 'x.target_id')}`
  return limitedSql`
    SELECT c.policy, c.rule, v.name AS vantage, v.zones, c.result, c.point, c.change FROM (
      SELECT policy, rule, vantage_id, result, point, sum(change)::int AS change FROM (
        SELECT r.policy, ${rule} AS rule, ${vantage} AS vantage_id, x.result::int, ${start} AS first, ${end} AS behind
        FROM ${spans} WHERE ${wanted}
        UNION ALL
        SELECT policy, rule, vantage_id, ${waived}, lower(points), upper(points) FROM ( -- several waivers of a finding count once
          SELECT r.policy, ${rule} AS rule, ${vantage} AS vantage_id, unnest(range_agg(int4range(
            greatest(${start}, ${pointsBefore(Prisma.sql`w.approved_at`, points)}),
            least(${end}, ${pointsBefore(Prisma.sql`least(w.expires_at, w.revoked_at)`, points)})))) AS points
          FROM ${spans} JOIN waiver w ON w.policy = r.policy AND r.name = ANY(w.rules)
            JOIN target wt ON wt.id = x.target_id AND ${selects('w', 'wt')}
          WHERE x.result = ${failed} AND ${wanted} AND w.approved_at < least(x.to_at, w.expires_at, w.revoked_at)
            AND x.from_at < least(w.expires_at, w.revoked_at)
          GROUP BY r.policy, r.name, s.vantage_id, x.target_id, x.series_id, x.from_at
        ) accepted
      ) counted CROSS JOIN LATERAL (VALUES (first, 1), (behind, -1)) e(point, change)
      GROUP BY 1, 2, 3, 4, 5 HAVING sum(change) <> 0
    ) c LEFT JOIN vantage v ON v.id = c.vantage_id`
}
