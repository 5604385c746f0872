import type { Database } from '../db/database.ts'
import { reportOnAll } from '../db/statements.ts'

/** How often a series changed among its last observations. */
export interface FlapRate {
  changes: number
  observations: number
  /** Changes in each hundred comparisons, from 0 to 1. */
  share: number
}

/** A series flaps when more than this share of its last observations differ from the one before. */
const flappingShare = 0.3
const lastObservations = 10
/** Audits that are searched for these observations. */
const lastAudits = 500

/** The series among the given ones that flap. */
export async function flapRates(
  db: Database,
  series: readonly { targetId: number; seriesId: number }[],
): Promise<Map<number, FlapRate>> {
  const rows = await reportOnAll<{ seriesId: number; observations: number; changes: number }>(db)`
    SELECT g.series_id AS "seriesId", count(*)::int AS observations, (count(*) FILTER (WHERE o.differs))::int AS changes
    FROM unnest(${series.map((s) => s.targetId)}::int[], ${series.map((s) => s.seriesId)}::int[]) AS g(target_id, series_id)
    CROSS JOIN LATERAL (
      SELECT (result, state, reason_id, evidence_id) IS DISTINCT FROM lag((result, state, reason_id, evidence_id)) OVER (ORDER BY observed_at)
        AND lag(result) OVER (ORDER BY observed_at) IS NOT NULL AS differs
      FROM (
        -- One index lookup for each audit, until there are enough: the limit keeps the planner from joining whole audits.
        SELECT f.* FROM (SELECT id FROM audit ORDER BY id DESC LIMIT ${lastAudits}) a CROSS JOIN LATERAL (
          SELECT * FROM finding WHERE audit_id = a.id AND target_id = g.target_id AND series_id = g.series_id LIMIT 1
        ) f ORDER BY a.id DESC LIMIT ${lastObservations + 1}
      ) newest
    ) o
    GROUP BY g.series_id HAVING count(*) > 2`
  return new Map(
    rows
      .map(
        ({ seriesId, observations, changes }) =>
          [seriesId, { changes, observations, share: changes / (observations - 1) }] as const,
      )
      .filter(([, { share }]) => share > flappingShare),
  )
}
