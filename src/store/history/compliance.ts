import type { Result } from '../../domain/findings/judge.ts'
import { type Counts, noCounts } from '../../domain/findings/verdict.ts'
import { zonesOfFinding } from '../../domain/findings/zones.ts'
import type { ControlRule } from '../../domain/policy/controls.ts'
import { required } from '../../runtime/required.ts'
import type { Codes } from '../db/codes.ts'
import { type Database, Prisma } from '../db/database.ts'
import { report, reportOnAll } from '../db/statements.ts'
import { waivedAt } from '../exceptions/waivers.ts'
import { rulesAt, trueAt } from '../query/point-in-time.ts'
import { isAbout, needsTarget, type SeriesFilter, seriesOf } from '../query/series-joins.ts'
import { andOfTarget, type Limited, limitedSql, type TargetScope } from '../query/target-scope.ts'
import { readWithLastSeen } from './last-seen.ts'

export type ComplianceFilter = Pick<SeriesFilter, 'policy' | 'target' | 'externalId' | 'labels'>

export const groupings = ['rule', 'target', 'vantage', 'zone', 'severity', 'policy'] as const
/** How findings are grouped; `label`: by its values. */
export type Grouping = { by: (typeof groupings)[number] } | { by: 'label'; key: string }

/** Counts of results in one group. */
export interface ComplianceGroup {
  policy: string
  /** Null where no version had the rule by then; by policy also for a group of all severities. */
  severity: string | null
  group: string
  counts: Counts
  /** How many of those that fail a waiver accepts. */
  waived: number
  /** Bounds of the observations that the group rests on; null without a probe, or without a known audit. */
  oldestObservation: Date | null
  newestObservation: Date | null
}

/** Compliance as of any point in time, read from spans. */
export function createComplianceStore(
  db: Database,
  { codes, targetScope }: { codes: Codes; targetScope: TargetScope },
) {
  return {
    /** Counts of results by policy, severity of the rule, and group, as of `at`. Retired targets count while they were live. */
    async groups(at: Date, grouping: Grouping, filter: ComplianceFilter): Promise<ComplianceGroup[]> {
      const failed = codes.result.numberOf('fail')
      const rows = await readWithLastSeen(
        db,
        at,
        filter.policy,
        (seen) => report<GroupRow>(db)`${groupsAt(at, { grouping, filter, targetScope, seen, failed })}`,
      )
      const grouped = grouping.by === 'zone' ? inZones(rows as ZoneRow[]) : rows
      return [
        ...Map.groupBy(grouped, ({ policy, severity, group }) => JSON.stringify([policy, severity, group])).values(),
      ].map((results) => toGroup(results, codes))
    },

    /** The rules of policies as of `at`, as the newest version with them says. Unused built-in policies have none. */
    async rules(at: Date, { policy }: Pick<ComplianceFilter, 'policy'>): Promise<ControlRule[]> {
      return reportOnAll<ControlRule>(db)`
        SELECT DISTINCT ON (p.name, e.value->>'id') p.name AS policy, p.version, e.value->>'id' AS rule, e.value->>'title' AS title,
          e.value->>'severity' AS severity, coalesce(e.value->'controls', '[]') AS controls,
          p.version = max(p.version) OVER (PARTITION BY p.name) AS current
        FROM policy p, jsonb_array_elements(p.document->'rules') e
        WHERE p.created_at <= ${at} AND (p.author IS DISTINCT FROM 'system' OR EXISTS (SELECT FROM rule r WHERE r.policy = p.name)
            OR EXISTS (SELECT FROM schedule s WHERE s.policy = p.name)) AND (${policy ?? null}::text IS NULL OR p.name = ${policy ?? null})
        ORDER BY p.name, e.value->>'id', p.version DESC`
    },
  }
}

interface GroupRow {
  policy: string
  severity: string | null
  group: string | null
  result: number
  count: number
  waived: number
  oldest: Date | null
  newest: Date | null
  /** Spans of targets that none of the examined audits included. */
  unseen: number
}

/** The group is the vantage. */
type ZoneRow = GroupRow & { zones: string[]; ruleZones: string[] | null }

function groupsAt(
  at: Date,
  {
    grouping,
    filter,
    targetScope,
    seen,
    failed,
  }: { grouping: Grouping; filter: ComplianceFilter; targetScope: TargetScope; seen: Prisma.Sql; failed: number },
): Limited {
  const { by } = grouping
  return limitedSql`
    WITH rule_now AS MATERIALIZED (
      SELECT *, min(id) OVER (PARTITION BY policy, ${kindOf(grouping)}) AS kind FROM (${rulesAt(at, filter.policy === undefined ? undefined : [filter.policy])}) r
    ), seen AS (${seen}
    ), counted AS MATERIALIZED ( -- by numbers: names are read for each group, and not for each span
      SELECT r.kind, ${keyOf(grouping)} AS key, ${Prisma.raw(by === 'zone' ? 'r.id' : 'NULL::int')} AS rule, x.result, count(*)::int AS count,
        (count(*) FILTER (WHERE x.result = ${failed} AND ${waivedAt(at)}))::int AS waived,
        min(coalesce(seen.observed_from, x.from_at)) AS oldest, max(coalesce(seen.observed_until, x.from_at)) AS newest,
        (count(*) FILTER (WHERE seen.policy IS NULL))::int AS unseen
      FROM span x ${seriesOf('x')} JOIN rule_now r ON r.id = s.rule_id
        ${grouping.by === 'label' || needsTarget(filter) ? Prisma.sql`JOIN target t ON t.id = x.target_id` : Prisma.empty}
        LEFT JOIN seen ON seen.policy = r.policy AND seen.target_id = x.target_id
      WHERE ${trueAt(at)} ${isAbout(filter)} ${andOfTarget(targetScope, 'x.target_id')}
      GROUP BY 1, 2, 3, 4
    )
    SELECT k.policy, ${kindOf(grouping, 'k')} AS severity, ${nameOf(grouping)} AS "group", c.result, c.count, c.waived, c.oldest, c.newest, c.unseen
      ${by === 'zone' ? Prisma.sql`, v.zones, r.zones AS "ruleZones"` : Prisma.empty}
    FROM counted c JOIN rule_now k ON k.id = c.kind
      ${by === 'zone' ? Prisma.sql`JOIN rule_now r ON r.id = c.rule JOIN vantage v ON v.id = c.key` : Prisma.empty}
    ORDER BY 1, 3, 2`
}

/** The rows of a rule and a vantage, once for each zone that they are about. */
const inZones = (rows: readonly ZoneRow[]): GroupRow[] =>
  rows.flatMap(({ zones, ruleZones, ...row }) =>
    zonesOfFinding(ruleZones, { name: row.group ?? '', zones }).map((zone) => ({ ...row, group: zone })),
  )

/** Results without a probe. */
const notProbed: ReadonlySet<string> = new Set(['notchecked', 'notapplicable'] satisfies Result[])

function toGroup(results: readonly GroupRow[], codes: Codes): ComplianceGroup {
  const first = required(results[0], 'the first row of a group')
  const counts = { ...noCounts }
  for (const { result, count } of results) counts[codes.result.wordOf(result)] += count
  const probed = results.filter(({ result }) => !notProbed.has(codes.result.wordOf(result)))
  const times = (pick: (row: GroupRow) => Date | null) => probed.flatMap((row) => pick(row)?.getTime() ?? [])
  const oldest = times((row) => row.oldest)
  const newest = times((row) => row.newest)
  return {
    policy: first.policy,
    severity: first.severity,
    group: first.group ?? '', // targets without the label
    counts,
    waived: results.reduce((sum, row) => sum + row.waived, 0),
    oldestObservation: oldest.length > 0 ? new Date(Math.min(...oldest)) : null,
    newestObservation: newest.length > 0 ? new Date(Math.max(...newest)) : null,
  }
}

/** What groups are split by beside their key. */
const kindOf = ({ by }: Grouping, row: 'r' | 'k' = 'r') =>
  Prisma.raw(by === 'policy' ? 'NULL::text' : `${row}.severity`)

/** What identifies a group of spans of one policy and severity; of zones, with the rule. */
function keyOf(grouping: Grouping): Prisma.Sql {
  if (grouping.by === 'label') return Prisma.sql`t.labels->>${grouping.key}`
  const none = 'NULL::int'
  const vantage = 's.vantage_id'
  const keys = { rule: 'r.id', target: 'x.target_id', vantage, zone: vantage, severity: none, policy: none }
  return Prisma.raw(keys[grouping.by])
}

function nameOf({ by }: Grouping): Prisma.Sql {
  if (by === 'label') return Prisma.sql`c.key`
  if (by === 'zone') return Prisma.sql`v.name`
  if (by === 'policy' || by === 'severity') return Prisma.raw(`k.${by}`)
  return Prisma.sql`(SELECT name FROM ${Prisma.raw(by)} n WHERE n.id = c.key)`
}
