import { Prisma } from '../db/database.ts'

/** From a point in time to another, which does not belong to it; without one of them unlimited. */
export interface Period {
  from?: Date
  to?: Date
}

/** The same for Prisma's own queries. */
export const within = ({ from, to }: Period) => ({ ...(from ? { gte: from } : {}), ...(to ? { lt: to } : {}) })

/** The condition that something with this start and end, which is null while it lasts, overlaps a period. */
export const overlaps = ({ from, to }: Period, start: Prisma.Sql, end: Prisma.Sql): Prisma.Sql[] => [
  ...(to ? [Prisma.sql`${start} < ${to}`] : []),
  ...(from ? [Prisma.sql`(${end} IS NULL OR ${end} > ${from})`] : []),
]
