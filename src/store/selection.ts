import { Prisma } from './database.ts'

/** Targets by names, or by labels that all of them have. */
export type Selection = string[] | { labels: Record<string, string> }

/** The selection as its two columns; one of them is empty. */
export const selectionColumns = (targets: Selection) =>
  Array.isArray(targets)
    ? { targetNames: targets, targetLabels: Prisma.DbNull }
    : { targetNames: [], targetLabels: targets.labels }

/** The selection of a row with those columns. */
export const selectionOf = (row: { targetNames: string[]; targetLabels: unknown }): Selection =>
  row.targetLabels === null ? row.targetNames : { labels: row.targetLabels as Record<string, string> }

/** The condition that the row `x` of windows or waivers selects the target `t`: of the realm of whoever asked for it, and no other. */
export const selectsTarget = Prisma.sql`(t.name = ANY(x.target_names) OR t.labels @> x.target_labels) AND t.labels @> x.realm`
