import { findingFlags } from '../../domain/findings/finding.ts'
import type { Database } from '../db/database.ts'
import { reportOnAll } from '../db/statements.ts'
import { integers } from '../query/array-texts.ts'

/** Newest audits of a policy that are searched; behind them the start of the span counts. */
const recentAudits = 30

/** The newest observation of series until a point in time, by fingerprint; none where retention has dropped the findings. */
export async function lastConfirmed(
  db: Database,
  at: Date,
  series: readonly { fingerprint: string; policy: string; targetId: number; seriesId: number }[],
): Promise<Map<string, Date>> {
  if (series.length === 0) return new Map()
  const policies = [...new Set(series.map(({ policy }) => policy))]
  const rows = await reportOnAll<{ position: number; observedAt: Date }>(db)`
    WITH recent AS MATERIALIZED (
      SELECT n.policy, a.id FROM unnest(${policies}::text[]) AS n(policy) CROSS JOIN LATERAL (
        SELECT a.id FROM audit a JOIN policy p ON p.id = a.policy_id
        WHERE p.name = n.policy AND a.observed_from <= ${at} ORDER BY a.id DESC LIMIT ${recentAudits}
      ) a
    )
    SELECT g.position::int, o.observed_at AS "observedAt"
    FROM unnest(${integers(series.map((one) => one.targetId))}::int[], ${integers(series.map((one) => one.seriesId))}::int[],
      ${integers(series.map(({ policy }) => policies.indexOf(policy) + 1))}::int[]) WITH ORDINALITY AS g(target_id, series_id, policy, position)
    CROSS JOIN LATERAL (
      SELECT f.observed_at FROM (
        SELECT id FROM recent WHERE policy = (${policies}::text[])[g.policy] ORDER BY id DESC LIMIT ${recentAudits}
      ) a CROSS JOIN LATERAL (
        SELECT observed_at FROM finding WHERE audit_id = a.id AND target_id = g.target_id AND series_id = g.series_id
          AND observed_at <= ${at} AND flags & ${findingFlags.late} = 0 LIMIT 1
      ) f ORDER BY a.id DESC LIMIT 1
    ) o`
  return new Map(rows.map(({ position, observedAt }) => [series[position - 1]?.fingerprint ?? '', observedAt]))
}
