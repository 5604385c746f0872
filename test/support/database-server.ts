import { randomBytes } from 'node:crypto'
import { rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { openQueue } from '../../src/jobs/queue.ts'
import { loadCodes } from '../../src/store/db/codes.ts'
import { openDatabase } from '../../src/store/db/database.ts'
import { clusterHome } from '../../src/store/db/embedded/index.ts'
import { migrate } from '../../src/store/db/migrate.ts'
import { ensurePartitions } from '../../src/store/db/partitions.ts'
import { mustRun, spawnPeer } from './processes.ts'
import { afterDeath } from './reaper.ts'
import { prepareTcpPostgres } from './tcp-postgres.ts'
import { makeTempDir, type TempDir } from './temp-dir.ts'

/** The PostgreSQL server of one test run. */
export interface DatabaseServer {
  /** The maintenance database, for creating others. */
  url: string
  /** The name prefix of the run's databases. */
  prefix: string
  /** A migrated template with the queue's tables; closed for connections, so that it can be cloned. */
  template: string
  /** Where databases are created. */
  tablespace: string
}

export interface StartedServer extends DatabaseServer {
  stop(): Promise<void>
}

const runPrefix = 'pwtest_'
/** For data that need not survive the machine, and for many small databases. */
const serverSettings = [
  'fsync=off',
  'full_page_writes=off',
  'wal_level=minimal',
  'max_wal_senders=0',
  'max_connections=150',
]

/** The server of TEST_DATABASE_URL, else a new embedded one, with a migrated template. */
export async function startDatabaseServer(elsewhere = process.env.TEST_DATABASE_URL): Promise<StartedServer> {
  const { url, tablespace, stop } = elsewhere
    ? { url: elsewhere, tablespace: 'pg_default', stop: async () => {} }
    : await startOwnServer()
  try {
    const run = await openRun(url)
    await makeTemplate({ ...run, tablespace })
    return {
      ...run,
      tablespace,
      async stop() {
        await run.close()
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startOwnServer(): Promise<{ url: string; tablespace: string; stop(): Promise<void> }> {
  const directory = await makeTempDir('postgres')
  const dataDir = join(directory.path, 'data')
  const home = clusterHome(dataDir)
  const forgetFiles = afterDeath(['rm', '-rf', home])
  const memory = await makeMemoryDir()
  const { command, url } = await prepareTcpPostgres(dataDir, serverSettings)
  const [name, ...rest] = command
  const server = await spawnPeer(name, rest, { ready: /ready to accept connections/, env: { PATH: process.env.PATH } })
  if (memory) await query(url, [`CREATE TABLESPACE memory LOCATION '${memory.path}'`])
  return {
    url,
    tablespace: memory ? 'memory' : 'pg_default',
    async stop() {
      await server.end()
      await memory?.remove()
      await rm(home, { recursive: true, force: true })
      forgetFiles()
      await directory.remove()
    },
  }
}

/** A directory in memory for the server's user, where a database takes a fifth of the time; undefined without much room. */
async function makeMemoryDir(): Promise<TempDir | undefined> {
  const { bavail, bsize } = await statfs('/dev/shm').catch(() => ({ bavail: 0, bsize: 0 }))
  if (bavail * bsize < 2 ** 31) return undefined
  const directory = await makeTempDir('postgres', '/dev/shm')
  if (process.getuid?.() === 0) await mustRun('chown', ['postgres:', directory.path])
  return directory
}

/** Names the run and locks the name; drops databases of killed runs, whose lock is gone. */
async function openRun(url: string): Promise<Omit<DatabaseServer, 'tablespace'> & { close(): Promise<void> }> {
  const client = new pg.Client({ connectionString: url, application_name: 'portwarden tests' })
  client.on('error', () => {}) // the server may stop first
  await client.connect()
  const dropRun = async (run: string) => {
    const { rows } = await client.query<{ name: string }>(
      'SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)',
      [`${run}_`],
    )
    for (const { name } of rows) {
      await client.query(`ALTER DATABASE ${name} IS_TEMPLATE false`)
      await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    }
  }
  const lock = (run: string) =>
    client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock(hashtext($1)) AS mine', [run])

  const { rows } = await client.query<{ run: string }>(
    `SELECT DISTINCT substring(datname FROM '^${runPrefix}[0-9a-f]+') AS run FROM pg_database
     WHERE datname ~ '^${runPrefix}[0-9a-f]+_'`,
  )
  for (const { run } of rows) if ((await lock(run)).rows[0]?.mine) await dropRun(run)

  const run = `${runPrefix}${randomBytes(4).toString('hex')}`
  await lock(run)
  return {
    url,
    prefix: `${run}_`,
    template: `${run}_template`,
    async close() {
      await dropRun(run)
      await client.end()
    },
  }
}

async function makeTemplate({ url, template, tablespace }: DatabaseServer): Promise<void> {
  await query(url, [`CREATE DATABASE ${template} TABLESPACE ${tablespace}`])
  const own = databaseUrl(url, template)
  await migrate(own)
  const { db, close } = openDatabase(own, { connections: 2 })
  await loadCodes(db)
  await ensurePartitions(db)
  await close()
  const ignore = () => {}
  const queue = await openQueue({ url: own, connections: 2, concurrency: 1, onError: ignore })
  await queue.stop(1_000)
  await query(url, [`ALTER DATABASE ${template} IS_TEMPLATE true ALLOW_CONNECTIONS false`])
}

/** The URL of another database on the same server. */
export function databaseUrl(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

/** Runs statements on a new connection; returns the rows of the last. */
export async function query<Row extends pg.QueryResultRow>(url: string, statements: readonly string[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {}) // the interrupted query rejects as well
  await client.connect()
  try {
    let rows: Row[] = []
    for (const statement of statements) rows = (await client.query<Row>(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}
