import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { Prisma, PrismaClient } from './generated/client.ts'

/** The database, or a transaction on it: every store works with either. */
export type Database = Pick<PrismaClient, keyof Prisma.TransactionClient>

export interface DatabaseHandle {
  db: Database
  /** Runs `work` in one transaction; what it throws rolls back. */
  transaction<T>(work: (tx: Database) => Promise<T>): Promise<T>
  /** Rejects while the database does not answer. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** Runs `work` in one transaction, which may be a part of another; what it throws rolls back. */
export const transact = <T>(db: Database, work: (tx: Database) => Promise<T>): Promise<T> =>
  // The options must be new each time: a nested transaction writes into them.
  db.$transaction(work, { maxWait: 10_000, timeout: 120_000 })

/** Connects to PostgreSQL 15 or newer. Nothing is dialled before the first query. */
export function openDatabase(url: string, { connections }: { connections: number }): DatabaseHandle {
  const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: connections }) })
  return {
    db: client,
    transaction: (work) => transact(client, work),
    async ping() {
      await client.$queryRaw`SELECT 1`
    },
    close: () => client.$disconnect(),
  }
}

/** Where the driver dials for this URL; undefined for a socket file. */
export function databaseEndpoint(url: string): { host: string; port: number } | undefined {
  const { host, port } = new pg.Client({ connectionString: url })
  return host.startsWith('/') ? undefined : { host, port }
}

export { Prisma }
