import type { Codes } from '../db/codes.ts'
import { type Database, Prisma } from '../db/database.ts'
import { report } from '../db/statements.ts'
import { waiversAt, windowsAt } from '../exceptions/in-force.ts'
import { trueAt } from '../query/point-in-time.ts'
import { isAbout, needsTarget, type SeriesFilter } from '../query/series-joins.ts'
import { andOfTarget, type TargetScope } from '../query/target-scope.ts'

export type CellFilter = Pick<SeriesFilter, 'policy' | 'target' | 'externalId' | 'labels' | 'text'>

/** Targets with the same outcome of the same rule from the same vantage; `result` and `state` are codes. */
export interface CellGroup {
  rule: number
  vantage: number
  result: number
  state: number
  waived: boolean
  inWindow: boolean
  targets: number[]
}

/**
 * The outcomes at a point in time, by their content: few groups of many targets, because joins of that many cells are planned
 * badly. Subqueries with IN are hashed, with any estimate of the planner.
 */
export async function readCellGroups(
  db: Database,
  { codes, targetScope }: { codes: Codes; targetScope: TargetScope },
  at: Date,
  filter: CellFilter,
): Promise<CellGroup[]> {
  const [found] = await report<{ groups: string | null }>(db)`
    WITH waived AS MATERIALIZED (${waiversAt(at)}), in_window AS MATERIALIZED (${windowsAt(at)}), cell AS (
      SELECT s.rule_id, s.vantage_id, x.result, x.state, x.target_id,
        x.result = ${codes.result.numberOf('fail')} AND (x.target_id, s.rule_id) IN (SELECT target_id, rule_id FROM waived) AS waived,
        (x.target_id, s.rule_id) IN (SELECT target_id, rule_id FROM in_window) AS in_window
      FROM span x JOIN series s ON s.target_id = x.target_id AND s.id = x.series_id JOIN rule r ON r.id = s.rule_id
        ${needsTarget(filter) ? Prisma.sql`JOIN target t ON t.id = x.target_id` : Prisma.empty}
      WHERE ${trueAt(at)} ${isAbout(filter)} ${andOfTarget(targetScope, 'x.target_id')}
    )
    SELECT json_agg(json_build_object('rule', rule_id, 'vantage', vantage_id, 'result', result, 'state', state, 'waived', waived,
      'inWindow', in_window, 'targets', targets))::text AS groups FROM (
      SELECT rule_id, vantage_id, result, state, waived, in_window, array_agg(target_id) AS targets FROM cell GROUP BY 1, 2, 3, 4, 5, 6
    ) g`
  return JSON.parse(found?.groups ?? '[]')
}
