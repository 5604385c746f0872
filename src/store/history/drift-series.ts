import { type DriftClass, driftClasses } from '../../domain/history/drift.ts'
import { type Database, Prisma } from '../db/database.ts'
import { report } from '../db/statements.ts'
import { type Points, pointsBefore } from '../query/point-in-time.ts'
import { isAbout, type SeriesFilter, seriesNamesOf } from '../query/series-joins.ts'
import { andOfTarget, type Limited, limitedSql, type TargetScope } from '../query/target-scope.ts'
import { andSeverity, classOf, type DriftFilter, transitionBetween, transitionsOf } from './drift-query.ts'

export type DriftSeriesFilter = SeriesFilter & Pick<DriftFilter, 'severity'>

interface Count {
  point: number
  transition: number
  count: number
}

/** How many differences of each class there are between each two points that follow each other, read in one sweep over spans. */
export async function countDrift(
  db: Database,
  points: Points,
  { filter, targetScope }: { filter: DriftSeriesFilter; targetScope: TargetScope },
): Promise<Record<DriftClass, number>[]> {
  const none = Object.fromEntries(driftClasses.map((kind) => [kind, 0])) as Record<DriftClass, number>
  const between = points.slice(1).map(() => ({ ...none }))
  if (between.length === 0) return []
  for (const { point, transition, count } of await report<Count>(db)`${changesBetween(points, filter, targetScope)}`) {
    const summary = between[point - 1]
    if (summary) summary[classOf(transition)] += count
  }
  return between
}

function changesBetween(points: Points, filter: DriftSeriesFilter, targetScope: TargetScope): Limited {
  const [first, last] = [points[0], points.at(-1)]
  const isFiltered = Object.values(filter).some((value) => value !== undefined)
  return limitedSql`
    WITH covered AS ( -- spans that are in force at a point; one that lasts from the first to the last changes nothing
      SELECT x.target_id, x.series_id, x.result, ROW(x.result, x.state, x.reason_id, x.evidence_id) AS outcome, c.first, c.behind
      FROM span x ${isFiltered ? seriesNamesOf('x') : Prisma.empty} CROSS JOIN LATERAL (
        SELECT ${pointsBefore(Prisma.sql`x.from_at`, points)} AS first, ${pointsBefore(Prisma.sql`x.to_at`, points)} AS behind
      ) c
      WHERE x.from_at <= ${last} AND (x.to_at IS NULL OR x.to_at > ${first}) AND (x.from_at > ${first} OR x.to_at <= ${last})
        AND c.first < c.behind ${isAbout(filter)} ${andSeverity(filter)} ${andOfTarget(targetScope, 'x.target_id')}
    ), neighbours AS (
      SELECT *, lag(behind) OVER w AS previous_behind, lag(result) OVER w AS previous_result, lag(outcome) OVER w AS previous_outcome,
        lead(first) OVER w AS next_first
      FROM covered WINDOW w AS (PARTITION BY target_id, series_id ORDER BY first)
    )
    SELECT point, transition, count(*)::int AS count FROM (
      SELECT first AS point, ${transitionBetween('CASE WHEN previous_behind = first THEN previous_result END', 'result')} AS transition
      FROM neighbours WHERE first > 0 AND (previous_behind = first AND previous_outcome = outcome) IS NOT TRUE
      UNION ALL
      SELECT behind, ${transitionBetween('result', 'NULL::int')} FROM neighbours
      WHERE behind < ${points.length} AND next_first IS DISTINCT FROM behind
    ) d WHERE transition = ANY(${transitionsOf(undefined)}::int[]) GROUP BY 1, 2`
}
