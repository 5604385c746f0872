import type { Config } from '../config/index.ts'
import { beginLedger } from '../operations/ledger/begin.ts'
import { addBuiltInPolicies } from '../operations/policies/add-built-in.ts'
import { createKnownKeys, type KnownKeys } from '../store/access/key-cache.ts'
import { createStores, createTransact, type Stores, type Transact } from '../store/db/stores.ts'
import { ensureLedgerKeys } from '../store/ledger/key-file.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { traceStores } from '../telemetry/traced.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import type { AppDatabase } from './database.ts'

export interface AppStores {
  stores: Stores
  transaction: Transact
  metrics: Metrics
  knownKeys: KnownKeys
}

/** Opens the stores, and adds the built-in policies. */
export async function openStores(
  { handle, codes, clock, queueSchema }: AppDatabase,
  config: Config,
  tracing: Tracing | undefined,
): Promise<AppStores> {
  const keys = config.ledgerKeys ?? ensureLedgerKeys(config.dataDir)
  const knownKeys = createKnownKeys()
  const metrics = createMetrics(async () => ({
    vantages: await stores.vantages.states(),
    scheduleLagSeconds: await stores.schedules.lagSeconds(clock.now()),
    deliveries: await stores.deliveries.backlog(),
  }))
  const shared = { keys, watch: metrics, knownKeys, queueSchema }
  const stores = traceStores(createStores(handle.db, codes, shared), tracing)
  const transaction = createTransact(handle, codes, shared)
  await beginLedger({ transaction })
  await addBuiltInPolicies({ transaction })
  return { stores, transaction, metrics, knownKeys }
}
