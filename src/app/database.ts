import type { Logger } from 'pino'
import type { Config } from '../config/index.ts'
import { type DatabaseClock, describeSkew, followDatabaseClock } from '../store/db/clock.ts'
import { type Codes, loadCodes } from '../store/db/codes.ts'
import { type DatabaseHandle, openDatabase } from '../store/db/database.ts'
import { startEmbedded } from '../store/db/embedded/index.ts'
import { migrate } from '../store/db/migrate.ts'
import { ensurePartitions } from '../store/db/partitions.ts'

export interface AppDatabase {
  url: string
  handle: DatabaseHandle
  codes: Codes
  clock: DatabaseClock
  /** Whether this process alone uses the embedded database. */
  owner: boolean
}

/** `exclusive`: no other process may use the embedded database. */
export interface DatabaseOptions {
  exclusive: boolean
  log: Logger
}

/** Connects to the configured or the embedded database, and migrates it. */
export async function openAppDatabase(
  stack: AsyncDisposableStack,
  config: Config,
  options: DatabaseOptions,
): Promise<AppDatabase> {
  const { url, owner } = await openDatabaseServer(stack, config, {
    exclusive: options.exclusive,
    log: (line) => options.log.info(line),
  })
  await migrate(url)
  const handle = openDatabase(url, { connections: config.databaseConnections })
  stack.defer(handle.close)
  const codes = await loadCodes(handle.db)
  await ensurePartitions(handle.db)
  const clock = await followDatabaseClock(handle.db, {
    onSkew: (skewMs) => options.log.warn({ skewMs }, describeSkew(skewMs)),
    onError: (err) => options.log.error({ err }, 'the time of the database is not known'),
  })
  stack.defer(clock.stop)
  return { url, handle, codes, clock, owner }
}

/** The configured database, or the embedded one, which it starts. */
export async function openDatabaseServer(
  stack: AsyncDisposableStack,
  { databaseUrl, dataDir }: Config,
  { exclusive, log }: { exclusive: boolean; log: (line: string) => void },
): Promise<{ url: string; owner: boolean }> {
  if (databaseUrl !== undefined) return { url: databaseUrl, owner: false }
  const embedded = await startEmbedded({ dataDir, exclusive, log })
  stack.defer(embedded.stop)
  return embedded
}
