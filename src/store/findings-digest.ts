import type { Database } from './database.ts'

/** How many findings an audit has, and a digest over all that they say. */
export interface FindingsDigest {
  count: number
  digest: string
}

/**
 * SHA-256 over the SHA-256 of each finding of an audit, in the order of targets and series. Of a finding everything counts:
 * target, rule and vantage by name, times, result, state, reason, the content of its evidence, its window and waiver.
 * Whatever the planner believes of an audit that has just been recorded, each finding looks up what it needs by key: joined with
 * tables of unknown size, 30,000 findings have taken minutes.
 */
export async function digestFindings(db: Database, auditId: string): Promise<FindingsDigest> {
  const [row] = await db.$queryRaw<FindingsDigest[]>`
    WITH said AS (
      SELECT f.target_id, f.series_id, sha256(convert_to(jsonb_build_array(t.name, s.policy, s.rule, s.vantage,
        extract(epoch FROM f.observed_at), f.latency_ms, f.attempts, f.result, f.state, s.reason, f.flags, e.digest,
        p.window_id, p.waiver_id)::text, 'UTF8')) AS digest
      FROM finding f CROSS JOIN LATERAL (
          SELECT r.policy, r.name AS rule, v.name AS vantage, reason.code AS reason
          FROM series s, rule r, vantage v, reason
          WHERE s.target_id = f.target_id AND s.id = f.series_id AND r.id = s.rule_id AND v.id = s.vantage_id AND reason.id = f.reason_id
          LIMIT 1
        ) s CROSS JOIN LATERAL (SELECT name FROM target WHERE id = f.target_id LIMIT 1) t
        LEFT JOIN LATERAL (
          SELECT encode(sha256(convert_to(content::text, 'UTF8')), 'hex') AS digest FROM evidence WHERE id = f.evidence_id LIMIT 1
        ) e ON true
        LEFT JOIN LATERAL (
          SELECT window_id, waiver_id FROM finding_permission
          WHERE audit_id = f.audit_id AND target_id = f.target_id AND series_id = f.series_id LIMIT 1
        ) p ON true
      WHERE f.audit_id = ${auditId}::uuid
    )
    SELECT count(*)::int AS count,
      encode(sha256(coalesce(string_agg(digest, ''::bytea ORDER BY target_id, series_id), ''::bytea)), 'hex') AS digest FROM said`
  if (!row) throw new Error('a count has no row')
  return row
}
