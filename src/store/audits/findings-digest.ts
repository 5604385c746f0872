import { type Database, Prisma } from '../db/database.ts'
import { report } from '../db/statements.ts'

/** The count and the digest of an audit's findings. */
export interface FindingsDigest {
  count: number
  digest: string
}

/** The same with how many findings have each of the given results, and how many are waived. */
export interface FindingsSum extends FindingsDigest {
  results: number[]
  waived: number
}

/**
 * SHA-256 over the SHA-256 of each finding of an audit, in the order of targets and series. Of a finding everything counts:
 * target, rule and vantage by name, times, result, state, reason, the content of its evidence, its window and waiver.
 * The planner has no statistics of an audit that was just recorded, so each finding finds its parts by key: joined with
 * tables of unknown size, 30,000 findings have taken minutes.
 */
export async function digestFindings(db: Database, auditId: string): Promise<FindingsDigest> {
  const [{ count, digest } = noFindings] = await sumUpFindings(db, [auditId], [])
  return { count, digest }
}

const noFindings = { count: 0, digest: '' }

/** Digests in the order of `auditIds`, with counts by result. */
export async function sumUpFindings(
  db: Database,
  auditIds: readonly string[],
  results: readonly number[],
): Promise<FindingsSum[]> {
  const counts = results.map((result) => Prisma.sql`count(*) FILTER (WHERE result = ${result}::smallint)`)
  return report<FindingsSum>(db)`
    SELECT summed.* FROM unnest(${auditIds}::uuid[]) WITH ORDINALITY AS a(id, position) CROSS JOIN LATERAL (
      SELECT count(*)::int AS count, count(waiver_id)::int AS waived,
        array[${counts.length > 0 ? Prisma.join(counts) : Prisma.empty}]::int[] AS results,
        encode(sha256(coalesce(string_agg(digest, ''::bytea ORDER BY target_id, series_id), ''::bytea)), 'hex') AS digest
      FROM (
        SELECT f.target_id, f.series_id, f.result, p.waiver_id, sha256(convert_to(jsonb_build_array(t.name, s.policy, s.rule, s.vantage,
          extract(epoch FROM f.observed_at), f.latency_ms, f.attempts, f.result, f.state, s.reason, f.flags, e.digest,
          p.window_id, p.waiver_id)::text, 'UTF8')) AS digest
        FROM finding f LEFT JOIN LATERAL (
            SELECT r.policy, r.name AS rule, v.name AS vantage, reason.code AS reason
            FROM series s, rule r, vantage v, reason
            WHERE s.target_id = f.target_id AND s.id = f.series_id AND r.id = s.rule_id AND v.id = s.vantage_id AND reason.id = f.reason_id
            LIMIT 1
          ) s ON true LEFT JOIN LATERAL (SELECT name FROM target WHERE id = f.target_id LIMIT 1) t ON true
          LEFT JOIN LATERAL (
            SELECT encode(sha256(convert_to(content::text, 'UTF8')), 'hex') AS digest FROM evidence WHERE id = f.evidence_id LIMIT 1
          ) e ON true
          LEFT JOIN LATERAL (
            SELECT window_id, waiver_id FROM finding_permission
            WHERE audit_id = f.audit_id AND target_id = f.target_id AND series_id = f.series_id LIMIT 1
          ) p ON true
        WHERE f.audit_id = a.id
      ) one
    ) summed ORDER BY a.position`
}
