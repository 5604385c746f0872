import { splitReferences, type TargetReference } from '../../domain/targets.ts'
import { Prisma } from '../db/database.ts'

/** Targets by references or by labels. */
export type Selection = TargetReference[] | { labels: Record<string, string> }

/** The columns of a selection: names and external ids, or labels. */
export function selectionColumns(targets: Selection) {
  if (!Array.isArray(targets)) return { targetNames: [], targetExternalIds: [], targetLabels: targets.labels }
  const { names, externalIds } = splitReferences(targets)
  return { targetNames: names, targetExternalIds: externalIds, targetLabels: Prisma.DbNull }
}

interface SelectionRow {
  targetNames: string[]
  targetExternalIds: string[]
  targetLabels: unknown
}

/** The selection of a row with those columns. */
export const selectionOf = ({ targetNames, targetExternalIds, targetLabels }: SelectionRow): Selection =>
  targetLabels === null
    ? [...targetNames, ...targetExternalIds.map((externalId) => ({ externalId }))]
    : { labels: targetLabels as Record<string, string> }

/** The condition that a window or waiver selects a target within the scope of its requester. */
export const selects = (row: 'x' | 'w', target: 't' | 'wt'): Prisma.Sql =>
  Prisma.raw(
    `(${target}.name = ANY(${row}.target_names) OR ${target}.external_id = ANY(${row}.target_external_ids) OR ${target}.labels @> ${row}.target_labels) AND ${target}.labels @> ${row}.target_scope`,
  )
export const selectsTarget = selects('x', 't')
