import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { Prisma, PrismaClient } from '../generated/client.ts'

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
  const pool = new pg.Pool({ connectionString: url, max: connections })
  pool.on('error', () => {}) // an idle connection that is lost: the next statement opens another
  const nameStatement = nameStatements()
  const client = new PrismaClient({ adapter: new PrismaPg(pool, { statementNameGenerator: nameStatement }) })
  drivers.set(client, async ({ text, values }) => {
    return (await pool.query({ name: nameStatement({ sql: text, often: true }), text, values })).rows
  })
  return {
    db: client,
    transaction: (work) => transact(client, work),
    async ping() {
      await client.$queryRaw`SELECT 1`
    },
    async close() {
      await client.$disconnect()
      await pool.end()
    },
  }
}

const drivers = new WeakMap<Database, (statement: Prisma.Sql) => Promise<unknown[]>>()

/**
 * The rows of a statement that is asked often: by the driver itself, which takes a third of the time, unless it is a part of a transaction.
 * For texts, numbers up to 32 bits, JSON, times, and lists of them: of these both make the same.
 */
export function readRows<Row>(db: Database, statement: Prisma.Sql): Promise<Row[]> {
  const read = drivers.get(db)
  return read ? (read(statement) as Promise<Row[]>) : db.$queryRaw<Row[]>(statement)
}

const namesAtMost = 300
const textsAtMost = 1_000

/**
 * A long read, unless it is asked often: how it is done best depends on what it is asked for, and costs more than planning it. Planned
 * once, compliance took 30 s.
 */
const isReport = (sql: string) => sql.length > 600 && !/\b(INSERT|UPDATE|DELETE)\b/.test(sql)

/**
 * Names statements that come again, so that a connection plans them once and not each time, which takes longer than most of
 * them. A name takes memory of each connection as long as it lives: texts that vary with what they are given run out of them.
 */
function nameStatements(): (query: { sql: string; often?: boolean }) => string {
  const names = new Map<string, string>()
  const once = new Set<string>()
  return ({ sql, often = false }) => {
    const known = names.get(sql)
    if (known !== undefined || names.size === namesAtMost || (!often && isReport(sql))) return known ?? ''
    if (once.delete(sql)) names.set(sql, `portwarden_${names.size}`)
    else if (once.size < textsAtMost) once.add(sql)
    else once.clear()
    return names.get(sql) ?? ''
  }
}

/** Where the driver dials for this URL; undefined for a socket file. */
export function databaseEndpoint(url: string): { host: string; port: number } | undefined {
  const { host, port } = new pg.Client({ connectionString: url })
  return host.startsWith('/') ? undefined : { host, port }
}

export { Prisma }
