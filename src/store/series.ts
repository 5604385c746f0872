import type { Database } from './database.ts'

/** The identity of a series by names, and of its target by id. */
export interface SeriesKey {
  targetId: number
  rule: string
  vantage: string
}

/** Finds or makes the series of one policy; answers their ids in the order of the keys. */
export async function ensureSeries(
  db: Database,
  policy: string,
  keys: readonly SeriesKey[],
): Promise<{ seriesId: number; vantageId: number }[]> {
  const ruleIds = await ensureRules(db, policy, [...new Set(keys.map((key) => key.rule))])
  const vantageIds = await ensureVantages(db, [...new Set(keys.map((key) => key.vantage))])
  const identities = keys.map(({ targetId, rule, vantage }) => ({
    targetId,
    ruleId: ruleIds.get(rule) ?? -1,
    vantageId: vantageIds.get(vantage) ?? -1,
  }))
  const made: { seriesId: number; vantageId: number }[] = []
  for (let i = 0; i < identities.length; i += keysAtOnce) {
    const some = identities.slice(i, i + keysAtOnce)
    const ids = await ensureSome(db, some)
    for (const [place, { vantageId }] of some.entries()) made.push({ seriesId: ids[place] ?? -1, vantageId })
  }
  return made
}

/** Parameters and rows take many times the memory of what they hold on their way through the driver. */
const keysAtOnce = 5_000

async function ensureSome(
  db: Database,
  keys: readonly { targetId: number; ruleId: number; vantageId: number }[],
): Promise<number[]> {
  const columns = [keys.map((k) => k.targetId), keys.map((k) => k.ruleId), keys.map((k) => k.vantageId)]
  const [targets, rules, vantages] = columns
  // The anti-join spares the sequence: a plain ON CONFLICT uses up an id for every series that is there already.
  await db.$executeRaw`
    INSERT INTO series (target_id, rule_id, vantage_id)
    SELECT * FROM unnest(${targets}::int[], ${rules}::int[], ${vantages}::int[]) AS g(target_id, rule_id, vantage_id)
    WHERE NOT EXISTS (SELECT FROM series s WHERE (s.target_id, s.rule_id, s.vantage_id) = (g.target_id, g.rule_id, g.vantage_id))
    ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING`
  const rows = await db.$queryRaw<{ id: number }[]>`
    SELECT s.id FROM unnest(${targets}::int[], ${rules}::int[], ${vantages}::int[])
      WITH ORDINALITY AS g(target_id, rule_id, vantage_id, place)
    JOIN series s USING (target_id, rule_id, vantage_id) ORDER BY g.place`
  return rows.map(({ id }) => id)
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
      WHERE r.policy = ${policy} AND s.target_id = ANY(${targets}::int[])
        AND NOT EXISTS (SELECT FROM unnest(${planned.map((series) => series.seriesId)}::int[]) AS p(id) WHERE p.id = s.id)
      ORDER BY s.target_id, s.id FOR NO KEY UPDATE OF s
    )
    UPDATE span x SET to_at = greatest(now(), x.from_at), changed_at = clock_timestamp() FROM gone
    WHERE x.target_id = gone.target_id AND x.series_id = gone.id AND x.to_at IS NULL`
}

async function ensureRules(db: Database, policy: string, names: string[]): Promise<Map<string, number>> {
  const find = async () =>
    new Map((await db.rule.findMany({ where: { policy, name: { in: names } } })).map((r) => [r.name, r.id]))
  const known = await find()
  if (names.every((name) => known.has(name))) return known
  await db.rule.createMany({
    data: names.filter((name) => !known.has(name)).map((name) => ({ policy, name })),
    skipDuplicates: true,
  })
  return find()
}

async function ensureVantages(db: Database, names: string[]): Promise<Map<string, number>> {
  const find = async () =>
    new Map((await db.vantage.findMany({ where: { name: { in: names } } })).map((v) => [v.name, v.id]))
  const known = await find()
  if (names.every((name) => known.has(name))) return known
  await db.vantage.createMany({
    data: names.filter((name) => !known.has(name)).map((name) => ({ name, zones: [] })),
    skipDuplicates: true,
  })
  return find()
}
