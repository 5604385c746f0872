import { Prisma } from '../db/database.ts'

/** The condition that the span `x` was true at a point in time. */
export const trueAt = (at: Date): Prisma.Sql => Prisma.sql`x.from_at <= ${at} AND (x.to_at IS NULL OR x.to_at > ${at})`

/**
 * Selects rules with their severity and zones, from the newest version at that time that has the rule.
 * Materialize it: else PostgreSQL reads the policy for each span.
 */
export const rulesAt = (at: Date, policies?: readonly string[]): Prisma.Sql => Prisma.sql`
  SELECT rule.*, said.severity, said.zones FROM rule LEFT JOIN LATERAL (
    SELECT e.value->>'severity' AS severity, e.value->'from' AS zones FROM policy p, jsonb_array_elements(p.document->'rules') e
    WHERE p.name = rule.policy AND p.created_at <= ${at} AND e.value->>'id' = rule.name ORDER BY p.version DESC LIMIT 1
  ) said ON true ${policies ? Prisma.sql`WHERE policy = ANY(${policies}::text[])` : Prisma.empty}`

/** What a rule says for a time; `to_at` is null for the newest. */
export interface RuleVersion {
  policy: string
  name: string
  severity: string | null
  /** The zones that it names in `from`. */
  zones: string[] | null
  from_at: Date
  to_at: Date | null
}

/**
 * What each rule says, by time: (id, policy, name, severity, zones, from_at, to_at). The newest version by then that has the rule
 * says it; before the first one, severity and zones are null. Versions that say the same are one row.
 */
export const ruleVersions = (policy: string | undefined): Prisma.Sql => Prisma.sql`
  SELECT id, rule.policy, rule.name, severity, zones, from_at, to_at FROM rule JOIN (
    SELECT id, severity, zones, from_at, min(from_at) OVER (
      PARTITION BY id ORDER BY version ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ) AS to_at FROM (
      SELECT *, version = 0 OR (severity, zones) IS DISTINCT FROM (lag(severity) OVER w, lag(zones) OVER w) AS changes FROM (
        SELECT id, 0 AS version, NULL AS severity, NULL::jsonb AS zones, '-infinity'::timestamptz AS from_at FROM rule
        UNION ALL
        SELECT r.id, p.version, e.value->>'severity', e.value->'from', p.created_at
        FROM policy p CROSS JOIN LATERAL jsonb_array_elements(p.document->'rules') e JOIN rule r ON r.policy = p.name AND r.name = e.value->>'id'
        ${policy === undefined ? Prisma.empty : Prisma.sql`WHERE p.name = ${policy}`}
      ) stated WINDOW w AS (PARTITION BY id ORDER BY version)
    ) compared WHERE changes
  ) version USING (id)
  WHERE (to_at IS NULL OR to_at > from_at) ${policy === undefined ? Prisma.empty : Prisma.sql`AND rule.policy = ${policy}`}`

/** Points in time in ascending order, in milliseconds as the columns are. */
export type Points = readonly Date[]

/**
 * How many points are before a time: of a start the index of the first point in force, of an end that of the first point after it.
 * Null is an end that has not come.
 */
export const pointsBefore = (time: Prisma.Sql, points: Points): Prisma.Sql => {
  const list = points.map((at) => at.toISOString())
  return Prisma.sql`coalesce(width_bucket(${time} - interval '1 millisecond', ${list}::timestamptz[]), ${points.length})`
}
