import { Prisma } from './database.ts'

/**
 * Joins what a row with target_id and series_id is about: `t` the target, `r` the rule, `v` the vantage. The limit tells the
 * planner what it cannot know of a key of two columns: that each row has one series.
 */
export const seriesNamesOf = (row: 'd' | 'f'): Prisma.Sql => {
  const column = (name: string) => Prisma.raw(`${row}.${name}`)
  return Prisma.sql`CROSS JOIN LATERAL (
    SELECT rule_id, vantage_id, fingerprint FROM series WHERE target_id = ${column('target_id')} AND id = ${column('series_id')} LIMIT 1
  ) s JOIN target t ON t.id = ${column('target_id')} JOIN rule r ON r.id = s.rule_id JOIN vantage v ON v.id = s.vantage_id`
}
