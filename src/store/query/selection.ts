import { Prisma } from '../db/database.ts'

/** Targets by names or by labels. */
export type Selection = string[] | { labels: Record<string, string> }

/** The two columns of a selection; one is empty. */
export const selectionColumns = (targets: Selection) =>
  Array.isArray(targets)
    ? { targetNames: targets, targetLabels: Prisma.DbNull }
    : { targetNames: [], targetLabels: targets.labels }

/** The selection of a row with those columns. */
export const selectionOf = (row: { targetNames: string[]; targetLabels: unknown }): Selection =>
  row.targetLabels === null ? row.targetNames : { labels: row.targetLabels as Record<string, string> }

/** The condition that a window or waiver selects a target within the scope of its requester. */
export const selects = (row: 'x' | 'w', target: 't' | 'wt'): Prisma.Sql =>
  Prisma.raw(
    `(${target}.name = ANY(${row}.target_names) OR ${target}.labels @> ${row}.target_labels) AND ${target}.labels @> ${row}.target_scope`,
  )
export const selectsTarget = selects('x', 't')
