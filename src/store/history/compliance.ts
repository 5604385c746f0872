import type { Result } from '../../domain/findings/judge.ts'
import { type Counts, noCounts } from '../../domain/findings/verdict.ts'
import type { ControlRule } from '../../domain/policy/controls.ts'
import { required } from '../../runtime/required.ts'
import type { Codes } from '../db/codes.ts'
import { type Database, Prisma } from '../db/database.ts'
import { report } from '../db/statements.ts'
import { waivedAt } from '../exceptions/waivers.ts'
import { isAbout, type SeriesFilter } from '../query/series-joins.ts'
import { andOfTarget, type TargetScope } from '../query/target-scope.ts'

export type ComplianceFilter = Pick<SeriesFilter, 'policy' | 'target' | 'labels'>

/** How findings are grouped; `label`: by its values. */
export type Grouping = { by: 'rule' } | { by: 'target' } | { by: 'label'; key: string }

/** Counts of results in one group. */
export interface ComplianceGroup {
  policy: string
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
      let rows: GroupRow[] = []
      for (const audits of newestAudits) {
        const seen = await lastSeen(db, at, { policy: filter.policy, audits })
        rows = await report<GroupRow>(
          db,
        )`${groupsAt(at, { grouping, filter, targetScope, seen, failed: codes.result.numberOf('fail') })}`
        if (rows.every(({ unseen }) => unseen === 0)) break
      }
      return [
        ...Map.groupBy(rows, ({ policy, severity, group }) => JSON.stringify([policy, severity, group])).values(),
      ].map((results) => toGroup(results, codes))
    },

    /** The rules of policies as of `at`, each as the newest version by then that has it says it. */
    async rules(at: Date, { policy }: Pick<ComplianceFilter, 'policy'>): Promise<ControlRule[]> {
      return report<ControlRule>(db)`
        SELECT DISTINCT ON (p.name, e.value->>'id') p.name AS policy, p.version, e.value->>'id' AS rule, e.value->>'title' AS title,
          e.value->>'severity' AS severity, coalesce(e.value->'controls', '[]') AS controls,
          p.version = max(p.version) OVER (PARTITION BY p.name) AS current
        FROM policy p, jsonb_array_elements(p.document->'rules') e
        WHERE p.created_at <= ${at} AND (${policy ?? null}::text IS NULL OR p.name = ${policy ?? null})
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

/** An audit, and the targets that no newer one included. */
interface Seen {
  policy: string
  target_ids: number[]
  observed_from: Date
  observed_until: Date
}

function groupsAt(
  at: Date,
  {
    grouping,
    filter,
    targetScope,
    seen,
    failed,
  }: { grouping: Grouping; filter: ComplianceFilter; targetScope: TargetScope; seen: readonly Seen[]; failed: number },
): Prisma.Sql {
  return Prisma.sql`
    WITH rule_now AS MATERIALIZED ( -- else PostgreSQL would read the policy for each span
      SELECT *, min(id) OVER (PARTITION BY policy, severity) AS kind FROM rule LEFT JOIN LATERAL (
        SELECT e.value->>'severity' AS severity FROM policy p, jsonb_array_elements(p.document->'rules') e
        WHERE p.name = rule.policy AND p.created_at <= ${at} AND e.value->>'id' = rule.name ORDER BY p.version DESC LIMIT 1
      ) severities ON true ${filter.policy === undefined ? Prisma.empty : Prisma.sql`WHERE policy = ${filter.policy}`}
    ), seen AS (
      SELECT a.*, unnest(target_ids) AS target_id
      FROM jsonb_to_recordset(${JSON.stringify(seen)}::jsonb) AS a(policy text, target_ids int[], observed_from timestamptz, observed_until timestamptz)
    ), counted AS MATERIALIZED ( -- by numbers: names are read for each group, and not for each span
      SELECT r.kind, ${keyOf(grouping)} AS key, x.result, count(*)::int AS count,
        (count(*) FILTER (WHERE x.result = ${failed} AND ${waivedAt(at)}))::int AS waived,
        min(coalesce(seen.observed_from, x.from_at)) AS oldest, max(coalesce(seen.observed_until, x.from_at)) AS newest,
        (count(*) FILTER (WHERE seen.policy IS NULL))::int AS unseen
      FROM span x JOIN series s ON s.target_id = x.target_id AND s.id = x.series_id JOIN rule_now r ON r.id = s.rule_id
        ${needsTarget(grouping, filter) ? Prisma.sql`JOIN target t ON t.id = x.target_id` : Prisma.empty}
        LEFT JOIN seen ON seen.policy = r.policy AND seen.target_id = x.target_id
      WHERE x.from_at <= ${at} AND (x.to_at IS NULL OR x.to_at > ${at}) ${isAbout(filter)} ${andOfTarget(targetScope, 'x.target_id')}
      GROUP BY 1, 2, 3
    )
    SELECT k.policy, k.severity, ${nameOf(grouping)} AS "group", c.result, c.count, c.waived, c.oldest, c.newest, c.unseen
    FROM counted c JOIN rule_now k ON k.id = c.kind ORDER BY 1, 3, 2`
}

/** Results without a probe. */
const notProbed: ReadonlySet<string> = new Set(['notchecked', 'notapplicable'] satisfies Result[])

function toGroup(results: readonly GroupRow[], codes: Codes): ComplianceGroup {
  const first = required(results[0], 'the first row of a group')
  const probed = results.filter(({ result }) => !notProbed.has(codes.result.wordOf(result)))
  const times = (pick: (row: GroupRow) => Date | null) => probed.flatMap((row) => pick(row)?.getTime() ?? [])
  const oldest = times((row) => row.oldest)
  const newest = times((row) => row.newest)
  return {
    policy: first.policy,
    severity: first.severity,
    group: first.group ?? '', // targets without the label
    counts: { ...noCounts, ...Object.fromEntries(results.map((row) => [codes.result.wordOf(row.result), row.count])) },
    waived: results.reduce((sum, row) => sum + row.waived, 0),
    oldestObservation: oldest.length > 0 ? new Date(Math.min(...oldest)) : null,
    newestObservation: newest.length > 0 ? new Date(Math.max(...newest)) : null,
  }
}

/**
 * Of each target, when the last of the newest audits of each policy before `at` included it. An audit of chosen vantages or
 * rules does not count: it says nothing of the others.
 */
async function lastSeen(
  db: Database,
  at: Date,
  { policy, audits }: { policy: string | undefined; audits: number },
): Promise<Seen[]> {
  const rows = await report<Seen>(db)`
    SELECT a.name AS policy, a.target_ids, a.observed_from, least(a.observed_until, ${at}) AS observed_until FROM (
      SELECT DISTINCT name FROM policy ${policy === undefined ? Prisma.empty : Prisma.sql`WHERE name = ${policy}`}
    ) n CROSS JOIN LATERAL (
      SELECT p.name, a.id, a.target_ids, a.observed_from, a.observed_until FROM audit a JOIN policy p ON p.id = a.policy_id
      WHERE p.name = n.name AND a.observed_from <= ${at} AND a.vantages = '{}' AND coalesce(a.rules, '{}') = '{}' ORDER BY a.id DESC LIMIT ${audits}
    ) a ORDER BY a.id DESC`
  const seen = new Map<string, Set<number>>()
  return rows.flatMap((row) => {
    const before = seen.get(row.policy) ?? new Set()
    seen.set(row.policy, before)
    const target_ids = row.target_ids.filter((id) => !before.has(id))
    for (const id of target_ids) before.add(id)
    return target_ids.length === 0 ? [] : [{ ...row, target_ids }]
  })
}

/** How many of the newest audits are examined: more only while they leave targets out. For the rest, the span counts. */
const newestAudits = [10, 100, 1_000]

/** What identifies a group of spans. */
function keyOf(grouping: Grouping): Prisma.Sql {
  if (grouping.by === 'rule') return Prisma.sql`r.id`
  return grouping.by === 'target' ? Prisma.sql`x.target_id` : Prisma.sql`t.labels->>${grouping.key}`
}

function nameOf({ by }: Grouping): Prisma.Sql {
  if (by === 'label') return Prisma.sql`c.key`
  return by === 'rule'
    ? Prisma.sql`(SELECT name FROM rule WHERE id = c.key)`
    : Prisma.sql`(SELECT name FROM target WHERE id = c.key)`
}

const needsTarget = (grouping: Grouping, { target, labels }: ComplianceFilter) =>
  grouping.by === 'label' || target !== undefined || labels !== undefined
