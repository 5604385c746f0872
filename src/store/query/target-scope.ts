import { ForbiddenError } from '../../domain/errors.ts'
import { Prisma } from '../db/database.ts'

/**
 * Of which targets a caller may know: those that have all of these labels; without labels, of all. What a caller makes (audits,
 * schedules, windows…) keeps the scope of its creator in the column `target_scope`, and is visible to that scope and to wider ones.
 */
export type TargetScope = Readonly<Record<string, string>>

declare const limit: unique symbol
/** SQL that limits its rows to a target scope: the condition, and what is built with it. */
export type Limited = Prisma.Sql & { readonly [limit]: true }
const asLimit = (sql: Prisma.Sql) => sql as Limited

/** The values of a statement: without a limit among them it is a type error. */
export type WithLimit<V extends readonly unknown[]> = V &
  ([Extract<V[number], Limited>] extends [never] ? readonly [Limited, ...unknown[]] : unknown)

/** A part of a statement that has the limit. */
export const limitedSql = <V extends readonly unknown[]>(
  text: TemplateStringsArray,
  ...values: WithLimit<V>
): Limited => asLimit(Prisma.sql(text, ...values))

/** The scope of a caller without a limit. */
export const everything: TargetScope = Object.freeze({})

export const isEverything = (targetScope: TargetScope): boolean => Object.keys(targetScope).length === 0

/** The condition that a column of JSON has these labels. */
export const hasLabels = (labels: TargetScope, column: string): Prisma.Sql =>
  Prisma.sql`${Prisma.raw(column)} @> ${JSON.stringify(labels)}::jsonb`

/** The same for a scope, with its AND; empty for everything, so that plans stay as they are. */
export const andHas = (targetScope: TargetScope, column: string): Limited =>
  asLimit(isEverything(targetScope) ? Prisma.empty : Prisma.sql`AND ${hasLabels(targetScope, column)}`)

/** The condition, with its AND, that the id of a target in this column is within the scope. */
export const andOfTarget = (targetScope: TargetScope, column: string): Limited =>
  asLimit(
    isEverything(targetScope)
      ? Prisma.empty
      : Prisma.sql`AND ${Prisma.raw(column)} IN (SELECT id FROM target WHERE ${hasLabels(targetScope, 'labels')})`,
  )

/** The same for Prisma's own queries: labels of targets. */
export const withLabels = (targetScope: TargetScope) => ({
  AND: Object.entries(targetScope).map(([key, equals]) => ({ labels: { path: [key], equals } })),
})

/** The filter for rows that were created within the scope. */
export const madeIn = (targetScope: TargetScope) => ({
  AND: Object.entries(targetScope).map(([key, equals]) => ({ targetScope: { path: [key], equals } })),
})

export const isIn = (targetScope: TargetScope, labels: Readonly<Record<string, unknown>>): boolean =>
  Object.entries(targetScope).every(([key, value]) => labels[key] === value)

/** A target outside of the scope, or a name that is used there. The message does not say which. */
export const outsideOf = (targetScope: TargetScope, name: string): ForbiddenError => {
  const labels = Object.entries(targetScope).map(([key, value]) => `${key}=${value}`)
  return new ForbiddenError(
    `the key writes targets with the labels ${labels.join(', ')} alone: ${name} is not to be one of them`,
  )
}
