import type { Database } from './database.ts'

/** How many findings an audit has, and a digest over all that they say. */
export interface FindingsDigest {
  count: number
  digest: string
}

/**
 * SHA-256 over the SHA-256 of each finding of an audit, in the order of targets and series. Of a finding everything counts:
 * target, rule and vantage by name, times, result, state, reason, the content of its evidence, its window and waiver.
 * The evidence of a finding is digested once for all that share it.
 */
export async function digestFindings(db: Database, auditId: string): Promise<FindingsDigest> {
  const [row] = await db.$queryRaw<FindingsDigest[]>`
    WITH f AS MATERIALIZED (
      SELECT * FROM finding WHERE audit_id = ${auditId}::uuid
    ), e AS MATERIALIZED (
      SELECT e.id, encode(sha256(convert_to(e.content::text, 'UTF8')), 'hex') AS digest
      FROM (SELECT DISTINCT evidence_id AS id FROM f WHERE evidence_id <> 0) used
        CROSS JOIN LATERAL (SELECT id, content FROM evidence WHERE id = used.id LIMIT 1) e
    ), t AS MATERIALIZED (
      SELECT t.id, t.name FROM (SELECT DISTINCT target_id AS id FROM f) used
        CROSS JOIN LATERAL (SELECT id, name FROM target WHERE id = used.id LIMIT 1) t
    ), p AS MATERIALIZED (
      SELECT target_id, series_id, window_id, waiver_id FROM finding_permission WHERE audit_id = ${auditId}::uuid
    ), said AS (
      SELECT f.target_id, f.series_id, sha256(convert_to(jsonb_build_array(t.name, r.policy, r.name, v.name,
        extract(epoch FROM f.observed_at), f.latency_ms, f.attempts, f.result, f.state, reason.code, f.flags, e.digest,
        p.window_id, p.waiver_id)::text, 'UTF8')) AS digest
      FROM f CROSS JOIN LATERAL (
          SELECT rule_id, vantage_id FROM series WHERE target_id = f.target_id AND id = f.series_id LIMIT 1
        ) s JOIN t ON t.id = f.target_id JOIN rule r ON r.id = s.rule_id JOIN vantage v ON v.id = s.vantage_id
        JOIN reason ON reason.id = f.reason_id LEFT JOIN e ON e.id = f.evidence_id
        LEFT JOIN p ON p.target_id = f.target_id AND p.series_id = f.series_id
    )
    SELECT count(*)::int AS count,
      encode(sha256(coalesce(string_agg(digest, ''::bytea ORDER BY target_id, series_id), ''::bytea)), 'hex') AS digest FROM said`
  if (!row) throw new Error('a count has no row')
  return row
}
