import { Prisma } from '../db/database.ts'

/** The conditions that are asked for, each with its AND; empty where none is. */
export function andAll(conditions: readonly (Prisma.Sql | false | '' | undefined)[]): Prisma.Sql {
  const asked = conditions.filter((condition) => typeof condition === 'object')
  return asked.length > 0 ? Prisma.sql`AND ${Prisma.join(asked, ' AND ')}` : Prisma.empty
}
