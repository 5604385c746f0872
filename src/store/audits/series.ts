import { type Database, Prisma } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import { integers } from '../query/array-texts.ts'

/** A series by names and its target's id. */
export interface SeriesKey {
  targetId: number
  rule: string
  vantage: string
}

/** Finds or creates the series of one policy; returns their ids in the order of the keys. */
export async function ensureSeries(db: Database, policy: string, keys: readonly SeriesKey[]): Promise<SeriesIds[]> {
  const ids: SeriesIds[] = []
  for (let i = 0; i < keys.length; i += keysPerStatement) {
    const some = keys.slice(i, i + keysPerStatement)
    const found = await findSeries(db, policy, some)
    if (!isComplete(found)) await makeSeries(db, policy, some)
    ids.push(...(isComplete(found) ? found : ((await findSeries(db, policy, some)) as SeriesIds[])))
  }
  return ids
}

export interface SeriesIds {
  seriesId: number
  vantageId: number
}

/** Parameters and rows take many times the memory of what they hold on their way through the driver. */
export const keysPerStatement = 5_000

type Found = { [Id in keyof SeriesIds]: number | null }

const isComplete = (found: readonly Found[]): found is SeriesIds[] => found.every(({ seriesId }) => seriesId !== null)

/** The keys as a table `g`. Each name is sent once, because the driver and Prisma take long for a text of a list. */
function tableOf(keys: readonly SeriesKey[]): Prisma.Sql {
  const rules = numbered(keys.map(({ rule }) => rule))
  const vantages = numbered(keys.map(({ vantage }) => vantage))
  return Prisma.sql`(
    SELECT target_id, (${rules.names}::text[])[rule] AS rule, (${vantages.names}::text[])[vantage] AS vantage, position FROM unnest(
      ${integers(keys.map(({ targetId }) => targetId))}::int[], ${integers(rules.numbers)}::int[], ${integers(vantages.numbers)}::int[]
    ) WITH ORDINALITY AS k(target_id, rule, vantage, position)
  ) AS g`
}

/** The distinct names, and the number of each name in them, from one. */
function numbered(all: readonly string[]): { names: string[]; numbers: number[] } {
  const known = new Map<string, number>()
  const numbers = all.map((name) => {
    const number = known.get(name) ?? known.size + 1
    known.set(name, number)
    return number
  })
  return { names: [...known.keys()], numbers }
}

/** As one JSON text: a row of its own for each would take ten times as long in Prisma. */
async function findSeries(db: Database, policy: string, keys: readonly SeriesKey[]): Promise<Found[]> {
  const [row] = await prepared<{ found: [seriesId: number | null, vantageId: number | null][] }>(db)`
    SELECT coalesce(json_agg(json_build_array(s.id, v.id) ORDER BY g.position), '[]') AS found FROM ${tableOf(keys)}
      LEFT JOIN rule r ON r.policy = ${policy} AND r.name = g.rule LEFT JOIN vantage v ON v.name = g.vantage
      LEFT JOIN series s ON s.target_id = g.target_id AND s.rule_id = r.id AND s.vantage_id = v.id`
  return (row?.found ?? []).map(([seriesId, vantageId]) => ({ seriesId, vantageId }))
}

// The anti-joins spare the sequences: a plain ON CONFLICT uses up an id for everything that is there already.
async function makeSeries(db: Database, policy: string, keys: readonly SeriesKey[]): Promise<void> {
  await db.$executeRaw`
    INSERT INTO rule (policy, name) SELECT ${policy}, g.rule FROM ${tableOf(keys)}
    WHERE NOT EXISTS (SELECT FROM rule r WHERE r.policy = ${policy} AND r.name = g.rule) GROUP BY g.rule ORDER BY min(g.position) ON CONFLICT DO NOTHING`
  await db.$executeRaw`
    INSERT INTO vantage (name, zones) SELECT g.vantage, '{}' FROM ${tableOf(keys)}
    WHERE NOT EXISTS (SELECT FROM vantage v WHERE v.name = g.vantage) GROUP BY g.vantage ORDER BY min(g.position) ON CONFLICT DO NOTHING`
  await db.$executeRaw`
    INSERT INTO series (target_id, rule_id, vantage_id) SELECT g.target_id, r.id, v.id FROM ${tableOf(keys)}
      JOIN rule r ON r.policy = ${policy} AND r.name = g.rule JOIN vantage v ON v.name = g.vantage
    WHERE NOT EXISTS (SELECT FROM series s WHERE (s.target_id, s.rule_id, s.vantage_id) = (g.target_id, r.id, v.id))
    ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING`
}

/**
 * Ends the open spans of a policy's series that are not among the planned ones: their rule or vantage is gone, so they have
 * left the scope of these targets.
 */
export async function endUnplannedSpans(
  db: Database,
  policy: string,
  planned: readonly { targetId: number; seriesId: number }[],
): Promise<void> {
  const targets = [...new Set(planned.map((series) => series.targetId))]
  // The lock keeps a recording of the same series from opening a span that begins before this end.
  await db.$executeRaw`
    WITH gone AS (
      SELECT s.target_id, s.id FROM series s JOIN rule r ON r.id = s.rule_id
        JOIN span x ON x.target_id = s.target_id AND x.series_id = s.id AND x.to_at IS NULL
      WHERE r.policy = ${policy} AND s.target_id = ANY(${integers(targets)}::int[])
        -- Hashed, however many the planner expects: NOT EXISTS becomes a nested loop in a generic plan.
        AND s.id NOT IN (SELECT unnest(${integers(planned.map((series) => series.seriesId))}::int[]))
      ORDER BY s.target_id, s.id FOR NO KEY UPDATE OF s
    )
    UPDATE span x SET to_at = greatest(now(), x.from_at), changed_at = clock_timestamp() FROM gone
    WHERE x.target_id = gone.target_id AND x.series_id = gone.id AND x.to_at IS NULL`
}
