import type { Change, LedgerKeys } from '../../domain/ledger.ts'
import { coalesce } from '../../runtime/coalesce.ts'
import { createIdempotencyStore } from '../access/idempotency.ts'
import type { KnownKeys } from '../access/key-cache.ts'
import { createKeyStore } from '../access/keys.ts'
import { createAuditStore } from '../audits/audits.ts'
import { createBatchStore } from '../audits/batches.ts'
import { createFindingStore } from '../audits/findings.ts'
import { createPairStore } from '../audits/paired-observations.ts'
import { createPlanningStore } from '../audits/planning-snapshot.ts'
import { type Recording, recordBatches } from '../audits/record-findings.ts'
import { endUnplannedSpans, ensureSeries } from '../audits/series.ts'
import { createWaiverStore } from '../exceptions/waivers.ts'
import { createWindowStore } from '../exceptions/windows.ts'
import { createChangeStore } from '../history/as-of.ts'
import { createBaselineStore } from '../history/baselines.ts'
import { createComplianceStore } from '../history/compliance.ts'
import { createDriftStore } from '../history/drift.ts'
import { createHistoryStore } from '../history/spans.ts'
import { createPolicyStore } from '../inventory/policies.ts'
import { createScheduleStore } from '../inventory/schedules.ts'
import { createTargetStore } from '../inventory/targets.ts'
import { createVantageStore } from '../inventory/vantages.ts'
import { appendEntries, createLedgerStore } from '../ledger/entries.ts'
import { everything, type TargetScope } from '../query/target-scope.ts'
import { createDeliveryStore } from '../webhooks/deliveries.ts'
import { createOutboxStore } from '../webhooks/outbox.ts'
import { createTicketStore } from '../webhooks/tickets.ts'
import { createWebhookStore } from '../webhooks/webhooks.ts'
import type { Codes } from './codes.ts'
import type { Database, DatabaseHandle } from './database.ts'
import type { Watch } from './metrics-hook.ts'

export interface Stores extends ReturnType<typeof createAll> {
  /** The same stores for somebody who may know of the targets of one realm alone. */
  within(targetScope: TargetScope): Stores
}

/** What the stores of a process share. */
interface Shared {
  keys: LedgerKeys
  /** Collects what a transaction tells the ledger. */
  changes?: Change[]
  watch?: Watch | undefined
  knownKeys?: KnownKeys | undefined
}

/** All stores over one database, or over one transaction, which appends `changes` to the ledger at its end. */
export const createStores = (
  db: Database,
  codes: Codes,
  shared: Shared,
  targetScope: TargetScope = everything,
): Stores => ({
  ...createAll(db, { codes, ...shared, targetScope }),
  within: (narrower) => createStores(db, codes, shared, { ...narrower, ...targetScope }),
})

/** Findings that one transaction records. */
const findingsAtOnce = 1_000

const createAll = (
  db: Database,
  { codes, keys, changes, watch, knownKeys, targetScope }: { codes: Codes; targetScope: TargetScope } & Shared,
) => ({
  audits: createAuditStore(db, { codes, targetScope }),
  baselines: createBaselineStore(db, targetScope),
  snapshot: createPlanningStore(db, targetScope),
  batches: createBatchStore(db),
  changes: createChangeStore(db),
  compliance: createComplianceStore(db, { codes, targetScope }),
  deliveries: createDeliveryStore(db),
  drift: createDriftStore(db, { codes, targetScope }),
  findings: createFindingStore(db, { codes, targetScope }),
  history: createHistoryStore(db, { codes, targetScope }),
  idempotency: createIdempotencyStore(db),
  keys: createKeyStore(db, knownKeys),
  ledger: createLedgerStore(db, keys, changes),
  outbox: createOutboxStore(db),
  pairs: createPairStore(db),
  policies: createPolicyStore(db),
  schedules: createScheduleStore(db, targetScope),
  targets: createTargetStore(db, targetScope),
  tickets: createTicketStore(db, codes),
  vantages: createVantageStore(db),
  waivers: createWaiverStore(db, targetScope),
  windows: createWindowStore(db, { codes, targetScope }),
  webhooks: createWebhookStore(db),
  record: coalesce(
    async (batches: readonly Recording[]) => {
      const progress = await recordBatches(db, codes, batches)
      for (const { findings } of batches) watch?.recorded(findings)
      return progress
    },
    { concurrency: 2, maxSize: findingsAtOnce, sizeOf: ({ findings }) => findings.length + 1 },
  ),
  ensureSeries: (policy: string, keys: Parameters<typeof ensureSeries>[2]) => ensureSeries(db, policy, keys),
  endUnplannedSpans: (policy: string, planned: Parameters<typeof endUnplannedSpans>[2]) =>
    endUnplannedSpans(db, policy, planned),
})

export type Transact = <T>(work: (stores: Stores, tx: Database) => Promise<T>) => Promise<T>

/** Runs work in one transaction and appends what it told the ledger as its last step. What it throws rolls back all of it. */
export const createTransact =
  ({ transaction }: Pick<DatabaseHandle, 'transaction'>, codes: Codes, shared: Omit<Shared, 'changes'>): Transact =>
  async (work) => {
    const changes: Change[] = []
    const result = await transaction(async (tx) => {
      const done = await work(createStores(tx, codes, { ...shared, changes }), tx)
      await appendEntries(tx, shared.keys, changes)
      return done
    })
    // The database tells it, too; here it holds before anybody hears that it is done.
    for (const { action, subject } of changes) if (action === 'key.revoke') shared.knownKeys?.changed(subject)
    return result
  }
