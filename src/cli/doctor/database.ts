import type { Config } from '../../config/index.ts'
import { describeSkew, followDatabaseClock, warnFromMs } from '../../store/db/clock.ts'
import { loadCodes } from '../../store/db/codes.ts'
import { type Database, openDatabase } from '../../store/db/database.ts'
import { parseDatabaseUrl } from '../../store/db/database-url.ts'
import { compareMigrations, hasMigrations } from '../../store/db/migrate.ts'
import { queueSchemaOf } from '../../store/db/schemas.ts'
import { readServerRoom } from '../../store/db/start/server-room.ts'
import { createStores } from '../../store/db/stores.ts'
import { findLedgerKeys } from '../../store/ledger/key-file.ts'
import { type Check, type Checks, fail, ok, warn } from './check.ts'
import { checkLedger, checkWork } from './stored.ts'
import { checkWebhooks } from './webhooks.ts'

interface Opened {
  config: Config
  /** Of a server that has passed the checks of a start. */
  url: string
  /** What these checks found doubtful. */
  warnings: readonly string[]
}

/** Checks the room and the schema of the server, and what is stored there. */
export async function* checkDatabase(stack: AsyncDisposableStack, { config, url, warnings }: Opened): Checks {
  const database = openDatabase(url, { connections: 2 })
  stack.defer(database.close)
  const { db } = database
  yield* checkServer(db, config)
  for (const warning of warnings) yield warn('database', warning)
  yield await checkClock(db)
  if (!(await hasMigrations(db))) {
    yield ok('migrations', 'none yet: the first start creates the tables')
    return
  }
  const { unapplied, unknown } = await compareMigrations(db)
  yield checkMigrations({ unapplied, unknown })
  if (unapplied.length + unknown.length > 0) return // the statements of this version may not fit the tables
  const keys = config.ledgerKeys ?? findLedgerKeys(config.dataDir)
  yield await checkLedger(db, keys, config.dataDir)
  if (!keys) return // nothing is stored yet, or nothing can be verified
  const queueSchema = queueSchemaOf(parseDatabaseUrl(url).parameters.schema)
  const stores = createStores(db, await loadCodes(db), { keys, queueSchema })
  const now = new Date()
  yield* checkWork(stores, now)
  yield* checkWebhooks(stores, config, now)
}

/** A process opens a pool of its own, one of its queue, and a few single connections. */
const pools = 2

async function* checkServer(db: Database, { databaseConnections, databaseUrl }: Config): Checks {
  const { version, bytes, freeConnections } = await readServerRoom(db)
  const kind = databaseUrl === undefined ? 'the embedded PostgreSQL' : 'PostgreSQL'
  yield ok('database', `${kind} ${version}, ${Math.ceil(bytes / 2 ** 20).toLocaleString('en')} MiB`)
  const needed = pools * databaseConnections
  const room = `${freeConnections} connections are free, and a process opens up to ${needed}`
  yield freeConnections < needed
    ? warn('connections', `${room}: raise max_connections, or lower PORTWARDEN_DATABASE_CONNECTIONS`)
    : ok('connections', room)
}

async function checkClock(db: Database): Promise<Check> {
  const clock = await followDatabaseClock(db, { onSkew() {}, onError() {} })
  const skewMs = clock.skewMs()
  await clock.stop()
  if (Math.abs(skewMs) > warnFromMs) return warn('clock', describeSkew(skewMs))
  return ok('clock', `within ${Math.ceil(Math.abs(skewMs) / 1000)} s of the database`)
}

function checkMigrations({ unapplied, unknown }: { unapplied: string[]; unknown: string[] }): Check {
  if (unknown.length > 0)
    return fail(
      'migrations',
      `a newer version has changed the tables (${unknown[0]}): run that version, or restore the backup from before it`,
    )
  if (unapplied.length > 0)
    return warn(
      'migrations',
      `the next start applies ${unapplied.length}, from ${unapplied[0]} on: make a backup first`,
    )
  return ok('migrations', 'all are applied')
}
