import type { Logger } from 'pino'
import { type Config, ConfigError } from '../config/index.ts'
import type { LedgerKeys } from '../domain/ledger.ts'
import type { View } from '../operations/context.ts'
import { beginLedger } from '../operations/ledger/begin.ts'
import { addBuiltInPolicies } from '../operations/policies/add-built-in.ts'
import { createKnownKeys, type KnownKeys } from '../store/access/key-cache.ts'
import { createReplica } from '../store/db/replica/replica.ts'
import { createStores, createTransact, type Stores, type Transact } from '../store/db/stores.ts'
import { hasLedger } from '../store/ledger/entries.ts'
import { ensureLedgerKeys, findLedgerKeys } from '../store/ledger/key-file.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { traceStores } from '../telemetry/traced.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import type { AppDatabase } from './database.ts'
import { createBacklog } from './metrics.ts'

export interface AppStores {
  stores: Stores
  transaction: Transact
  metrics: Metrics
  knownKeys: KnownKeys
  keys: LedgerKeys
}

/** Opens the stores, and adds the built-in policies. */
export async function openStores(
  { handle, codes, clock, queueSchema }: AppDatabase,
  config: Config,
  { tracing, log }: { tracing: Tracing | undefined; log: Logger },
): Promise<AppStores> {
  const keys = await ledgerKeysOf(handle, config)
  const knownKeys = createKnownKeys()
  const metrics = createMetrics(createBacklog({ handle, clock, stores: () => stores }))
  const shared = { keys, watch: metrics, knownKeys, queueSchema }
  const stores = traceStores(createStores(handle.db, codes, shared), tracing)
  const transaction = createTransact(handle, codes, shared)
  if (!(await beginLedger({ transaction })))
    log.warn(
      'the newest entry of the ledger was signed with a key that this process does not have: every process needs the same PORTWARDEN_LEDGER_KEY, else what it records counts as unproven',
    )
  await addBuiltInPolicies({ transaction })
  return { stores, transaction, metrics, knownKeys, keys }
}

/** What reads on the replica see; undefined without one. */
export function openReplicaView(
  stack: AsyncDisposableStack,
  { handle, codes, clock, queueSchema }: AppDatabase,
  { databaseReplicaUrl: url, databaseConnections: connections }: Config,
  { transaction, keys, log }: Pick<AppStores, 'transaction' | 'keys'> & { log: Logger },
): (() => Promise<View | undefined>) | undefined {
  if (url === undefined) return undefined
  const replica = createReplica({ url, primary: handle, connections, log: (line) => log.warn(line) })
  stack.defer(replica.close)
  return async () => {
    const db = await replica.current()
    return db && { stores: createStores(db, codes, { keys, queueSchema }), transaction, now: clock.now }
  }
}

/** The configured or stored keys. A new key for a ledger that another key has signed would make all that it records unproven. */
async function ledgerKeysOf({ db }: AppDatabase['handle'], { ledgerKeys, dataDir }: Config): Promise<LedgerKeys> {
  const known = ledgerKeys ?? findLedgerKeys(dataDir)
  if (known) return known
  if (await hasLedger(db))
    throw new ConfigError(
      `the database has a ledger, and there is no key of it in ${dataDir}: set PORTWARDEN_LEDGER_KEY or PORTWARDEN_LEDGER_KEY_FILE to that of the other processes, or restore ledger.key; if the key is lost, set a new one`,
    )
  return ensureLedgerKeys(dataDir)
}
