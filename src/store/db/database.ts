import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { NotReadyError } from '../../domain/errors.ts'
import { Prisma, PrismaClient } from '../generated/client.ts'
import { connectionOptions } from './connection.ts'
import { isPooled, parseDatabaseUrl } from './database-url.ts'
import { CheckedPool } from './liveness/checked-pool.ts'
import { nameStatements } from './statement-names.ts'

/** The database or a transaction; stores work with either. */
export type Database = Pick<PrismaClient, keyof Prisma.TransactionClient>

export interface DatabaseHandle {
  db: Database
  /** Runs `work` in one transaction; an error rolls it back. */
  transaction<T>(work: (tx: Database) => Promise<T>): Promise<T>
  /** Rejects while the database does not respond, or takes no changes, as a standby. */
  ping(): Promise<void>
  /** The connections of this process now, and how many statements wait for one. */
  connections(): Connections
  close(): Promise<void>
}

export interface Connections {
  max: number
  busy: number
  idle: number
  waiting: number
}

/** Runs `work` in one transaction, which may be part of another; an error rolls it back. */
export const transact = <T>(db: Database, work: (tx: Database) => Promise<T>): Promise<T> =>
  // The options must be new each time: a nested transaction writes into them.
  db.$transaction(work, { maxWait: 10_000, timeout: 120_000 })

type Driver = (statement: Prisma.Sql) => Promise<unknown[]>
const drivers = new WeakMap<Database, Driver>()

/** Undefined for a transaction, which only Prisma can reach. */
export const driverOf = (db: Database): Driver | undefined => drivers.get(db)

/** Connects to PostgreSQL 15 or newer, at the first query. */
export function openDatabase(url: string, { connections }: { connections: number }): DatabaseHandle {
  const pool = new CheckedPool({ ...connectionOptions(url, 'portwarden'), max: connections })
  pool.on('error', () => {}) // an idle connection that is lost: the next statement opens another
  // A pooler may give each statement another session, which does not know the names.
  const nameOf = isPooled(url) ? () => '' : nameStatements()
  const { schema } = parseDatabaseUrl(url).parameters
  const options = {
    ...(schema !== undefined && { schema }),
    statementNameGenerator: ({ sql }: { sql: string }) => nameOf(sql),
  }
  const client = new PrismaClient({ adapter: new PrismaPg(pool, options) })
  drivers.set(client, async ({ text, values }) => (await pool.query({ name: nameOf(text), text, values })).rows)
  return {
    db: client,
    transaction: (work) => transact(client, work),
    async ping() {
      const rows = await client.$queryRaw<{ isReadOnly: boolean }[]>`
        SELECT current_setting('transaction_read_only')::bool AS "isReadOnly"`
      if (rows[0]?.isReadOnly) throw new NotReadyError('the database takes no changes')
    },
    connections: () => ({
      max: connections,
      busy: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    }),
    async close() {
      await client.$disconnect()
      await pool.end()
    },
  }
}

/** Without those of socket files. */
export function databaseEndpoints(url: string): { host: string; port: number }[] {
  const options = connectionOptions(url, 'portwarden')
  const each = parseDatabaseUrl(url).hosts.map((host) => new pg.Client({ ...options, ...host }))
  return each.flatMap(({ host, port }) => (host.startsWith('/') ? [] : [{ host, port }]))
}

export { Prisma }
