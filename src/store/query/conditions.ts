import { Prisma } from '../db/database.ts'

/** The given conditions, each with its AND; empty without any. */
export function andAll(conditions: readonly (Prisma.Sql | false | '' | undefined)[]): Prisma.Sql {
  const given = conditions.filter((condition) => typeof condition === 'object')
  return given.length > 0 ? Prisma.sql`AND ${Prisma.join(given, ' AND ')}` : Prisma.empty
}
