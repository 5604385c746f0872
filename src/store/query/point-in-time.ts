import { Prisma } from '../db/database.ts'

/** The condition that the span `x` was true at a point in time. */
export const trueAt = (at: Date): Prisma.Sql => Prisma.sql`x.from_at <= ${at} AND (x.to_at IS NULL OR x.to_at > ${at})`

/**
 * Selects the rules, of one policy or of all, each with its severity in the newest version of its policy at that time that has it.
 * Materialize it: else PostgreSQL reads the policy for each span.
 */
export const rulesAt = (at: Date, policies?: readonly string[]): Prisma.Sql => Prisma.sql`
  SELECT rule.*, severities.severity FROM rule LEFT JOIN LATERAL (
    SELECT e.value->>'severity' AS severity FROM policy p, jsonb_array_elements(p.document->'rules') e
    WHERE p.name = rule.policy AND p.created_at <= ${at} AND e.value->>'id' = rule.name ORDER BY p.version DESC LIMIT 1
  ) severities ON true ${policies ? Prisma.sql`WHERE policy = ANY(${policies}::text[])` : Prisma.empty}`
