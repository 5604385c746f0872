import { Prisma } from '../db/database.ts'
import { andAll } from './conditions.ts'
import { hasLabels } from './target-scope.ts'
import { containsText } from './text-search.ts'

type Row = 'd' | 'f' | 'x'
const columnOf = (row: Row) => (name: string) => Prisma.raw(`${row}.${name}`)

/** Joins the series `s` of a row. The limit: the planner does not see that a row has one series. */
export const seriesOf = (row: Row): Prisma.Sql => {
  const column = columnOf(row)
  return Prisma.sql`CROSS JOIN LATERAL (
    SELECT rule_id, vantage_id, fingerprint FROM series WHERE target_id = ${column('target_id')} AND id = ${column('series_id')} LIMIT 1
  ) s`
}

/** Joins target `t`, rule `r` and vantage `v` of a row, and its series `s`. */
export const seriesNamesOf = (row: Row): Prisma.Sql => Prisma.sql`${seriesOf(row)}
  JOIN target t ON t.id = ${columnOf(row)('target_id')} JOIN rule r ON r.id = s.rule_id JOIN vantage v ON v.id = s.vantage_id`

/** Selects targets; all that is given must hold. */
export interface TargetFilter {
  /** The name. */
  target?: string | undefined
  externalId?: string | undefined
  labels?: Record<string, string> | undefined
  /** A part of the name, the address or the external id. */
  text?: string | undefined
}

/** Whether a filter is about targets, so that their table must be read. */
export const needsTarget = ({ target, externalId, labels, text }: TargetFilter): boolean =>
  [target, externalId, labels, text].some((condition) => condition !== undefined)

const targetConditions = ({ target, externalId, labels, text }: TargetFilter) => [
  target !== undefined && Prisma.sql`t.name = ${target}`,
  externalId !== undefined && Prisma.sql`t.external_id = ${externalId}`,
  labels && hasLabels(labels, 't.labels'),
  text !== undefined && containsText(text, 't'),
]

/** The conditions, each with its AND, for the target `t`. */
export const isTarget = (filter: TargetFilter): Prisma.Sql => andAll(targetConditions(filter))

/** Selects series by their targets and by names. */
export interface SeriesFilter extends TargetFilter {
  policy?: string
  rule?: string
  /** One of these. */
  rules?: string[]
  vantage?: string
}

/** The conditions, each with its AND, for a row of which `t`, `r` and `v` are the target, the rule and the vantage. */
export const isAbout = ({ policy, rule, rules, vantage, ...target }: SeriesFilter): Prisma.Sql =>
  andAll([
    ...targetConditions(target),
    policy !== undefined && Prisma.sql`r.policy = ${policy}`,
    rule !== undefined && Prisma.sql`r.name = ${rule}`,
    rules && Prisma.sql`r.name = ANY(${rules}::text[])`,
    vantage !== undefined && Prisma.sql`v.name = ${vantage}`,
  ])
