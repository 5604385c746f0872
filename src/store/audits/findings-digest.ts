import { type Database, Prisma } from '../db/database.ts'
import { reportOnAll } from '../db/statements.ts'
import { findingLine, type RecordingSum } from './recordings.ts'

/** The count and the digest of an audit's findings. */
export interface FindingsDigest {
  count: number
  digest: string
}

/** The same with how many findings have each of the given results, and how many are waived. */
export interface FindingsSum extends FindingsDigest {
  results: number[]
  waived: number
  recordings: RecordingSum[]
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

/**
 * Digests in the order of `auditIds`, with counts by result, and with digests of what was recorded together. Findings and
 * recordings meet by grouping: the planner might choose a nested loop for a join.
 */
export async function sumUpFindings(
  db: Database,
  auditIds: readonly string[],
  results: readonly number[],
): Promise<FindingsSum[]> {
  const counts = results.map((result) => Prisma.sql`count(*) FILTER (WHERE result = ${result}::smallint)`)
  return reportOnAll<FindingsSum>(db)`
    WITH one AS MATERIALIZED (
      SELECT f.audit_id, f.target_id, f.series_id, f.result, p.waiver_id, ${findingLine} AS line,
        sha256(convert_to(jsonb_build_array(t.name, s.policy, s.rule, s.vantage,
          extract(epoch FROM f.observed_at), f.latency_ms, f.attempts, f.result, f.state, s.reason, f.flags, e.digest,
          p.window_id, p.waiver_id)::text, 'UTF8')) AS digest
      FROM unnest(${auditIds}::uuid[]) AS a(id) CROSS JOIN LATERAL (SELECT * FROM finding WHERE audit_id = a.id OFFSET 0) f
        LEFT JOIN LATERAL (
          SELECT r.policy, r.name AS rule, v.name AS vantage, reason.code AS reason
          FROM series s, rule r, vantage v, reason
          WHERE s.target_id = f.target_id AND s.id = f.series_id AND r.id = s.rule_id AND v.id = s.vantage_id AND reason.id = f.reason_id
          LIMIT 1
        ) s ON true LEFT JOIN LATERAL (SELECT name FROM target WHERE id = f.target_id LIMIT 1) t ON true
        LEFT JOIN LATERAL (
          SELECT encode(sha256(convert_to(content::text, 'UTF8')), 'hex') AS digest, digest AS stored_digest
          FROM evidence WHERE id = f.evidence_id LIMIT 1
        ) e ON true
        LEFT JOIN LATERAL (
          SELECT window_id, waiver_id FROM finding_permission
          WHERE audit_id = f.audit_id AND target_id = f.target_id AND series_id = f.series_id LIMIT 1
        ) p ON true
    ), recorded AS MATERIALIZED (
      SELECT audit_id, recording, count(*)::int AS count,
        encode(sha256(convert_to(string_agg(line, E'\n' ORDER BY series_id), 'UTF8')), 'hex') AS digest
      FROM (
        SELECT audit_id, series_id, max(line) AS line, max(recording) AS recording FROM (
          SELECT audit_id, target_id, series_id, line, NULL::bigint AS recording FROM one
          UNION ALL SELECT r.audit_id, k.target_id, k.series_id, NULL, r.id
          FROM recording r CROSS JOIN LATERAL unnest(r.target_ids, r.series_ids) AS k(target_id, series_id)
          WHERE r.audit_id = ANY(${auditIds}::uuid[])
        ) both_of GROUP BY audit_id, target_id, series_id
      ) member WHERE recording IS NOT NULL AND line IS NOT NULL GROUP BY audit_id, recording
    )
    SELECT summed.*, (
      SELECT coalesce(json_agg(json_build_object('seal', r.seal, 'count', d.count, 'digest', d.digest)), '[]')
      FROM recorded d JOIN recording r ON r.id = d.recording WHERE d.audit_id = a.id
    ) AS recordings
    FROM unnest(${auditIds}::uuid[]) WITH ORDINALITY AS a(id, position) CROSS JOIN LATERAL (
      SELECT count(*)::int AS count, count(waiver_id)::int AS waived,
        array[${counts.length > 0 ? Prisma.join(counts) : Prisma.empty}]::int[] AS results,
        encode(sha256(coalesce(string_agg(digest, ''::bytea ORDER BY target_id, series_id), ''::bytea)), 'hex') AS digest
      FROM one WHERE audit_id = a.id
    ) summed ORDER BY a.position`
}
