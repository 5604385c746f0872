import type { Logger } from 'pino'
import type { Config } from '../config/index.ts'
import { type DatabaseClock, describeSkew, followDatabaseClock, type LocalClocks } from '../store/db/clock.ts'
import { type Codes, loadCodes } from '../store/db/codes.ts'
import { type DatabaseHandle, openDatabase } from '../store/db/database.ts'
import { parseDatabaseUrl } from '../store/db/database-url.ts'
import { startEmbedded } from '../store/db/embedded/index.ts'
import { migrate } from '../store/db/migrate.ts'
import { ensurePartitions } from '../store/db/partitions.ts'
import { queueSchemaOf } from '../store/db/schemas.ts'
import { prepareDatabase } from '../store/db/start/prepare.ts'
import type { Purpose } from '../store/db/start/server-checks.ts'

export interface AppDatabase {
  url: string
  /** The same database without a pooler. */
  directUrl: string
  handle: DatabaseHandle
  codes: Codes
  clock: DatabaseClock
  /** Whether this process alone uses the embedded database. */
  owner: boolean
  /** Where the tables of the queue are. */
  queueSchema: string
}

/** `exclusive`: no other process may use the embedded database. */
export interface DatabaseOptions {
  exclusive: boolean
  log: Logger
  /** Ends the wait for a database that is away. */
  signal?: AbortSignal
  /** Default: the clocks of the system. */
  clocks?: LocalClocks
}

/** Connects to the configured or the embedded database, and migrates it. */
export async function openAppDatabase(
  stack: AsyncDisposableStack,
  config: Config,
  options: DatabaseOptions,
): Promise<AppDatabase> {
  const { url, directUrl, owner } = await openDatabaseServer(stack, config, { purpose: 'serve', ...options })
  await migrate(directUrl)
  const handle = openDatabase(url, { connections: config.databaseConnections })
  stack.defer(handle.close)
  const codes = await loadCodes(handle.db)
  await ensurePartitions(handle.db)
  const clock = await followDatabaseClock(handle.db, {
    onSkew: (skewMs) => options.log.warn({ skewMs }, describeSkew(skewMs)),
    onError: (err) => options.log.error({ err }, 'the time of the database is not known'),
    ...(options.clocks ? { local: options.clocks } : {}),
  })
  stack.defer(clock.stop)
  const queueSchema = queueSchemaOf(parseDatabaseUrl(url).parameters.schema)
  return { url, directUrl, handle, codes, clock, owner, queueSchema }
}

/** The configured database, or the embedded one, which it starts; checked for the purpose. */
export async function openDatabaseServer(
  stack: AsyncDisposableStack,
  { databaseUrl, databaseDirectUrl, databaseWaitMs: waitMs, dataDir }: Config,
  {
    purpose,
    exclusive,
    log,
    signal = new AbortController().signal,
  }: Pick<DatabaseOptions, 'exclusive' | 'signal'> & { purpose: Purpose; log: Pick<Logger, 'info' | 'warn'> },
): Promise<{ url: string; directUrl: string; owner: boolean }> {
  const preparation = { purpose, waitMs, signal, log: (line: string) => log.warn(line) }
  if (databaseUrl !== undefined)
    return { ...(await prepareDatabase(databaseUrl, { ...preparation, directUrl: databaseDirectUrl })), owner: false }
  const embedded = await startEmbedded({ dataDir, exclusive, log: (line) => log.info(line) })
  stack.defer(embedded.stop)
  return { ...(await prepareDatabase(embedded.url, preparation)), owner: embedded.owner }
}
