import { inGroups } from '../domain/groups.ts'
import type { Change, LedgerKeys } from '../domain/ledger.ts'
import { createAuditStore } from './audits.ts'
import { createBaselineStore } from './baselines.ts'
import { createBasisStore } from './basis.ts'
import { createBatchStore } from './batches.ts'
import { createChangeStore } from './changes.ts'
import type { Codes } from './codes.ts'
import { createComplianceStore } from './compliance.ts'
import type { Database, DatabaseHandle } from './database.ts'
import { createDeliveryStore } from './deliveries.ts'
import { createDriftStore } from './drift.ts'
import { createFindingStore } from './findings.ts'
import { createHistoryStore } from './history.ts'
import { createIdempotencyStore } from './idempotency.ts'
import { createKeyStore } from './keys.ts'
import type { KnownKeys } from './known-keys.ts'
import { appendEntries, createLedgerStore } from './ledger.ts'
import { createOutboxStore } from './outbox.ts'
import { createPairStore } from './pairs.ts'
import { createPolicyStore } from './policies.ts'
import { everything, type Realm } from './realm.ts'
import { type Recording, recordBatches } from './record.ts'
import { createScheduleStore } from './schedules.ts'
import { endUnplannedSpans, ensureSeries } from './series.ts'
import { createTargetStore } from './targets.ts'
import { createTicketStore } from './tickets.ts'
import { createVantageStore } from './vantages.ts'
import { createWaiverStore } from './waivers.ts'
import type { Watch } from './watch.ts'
import { createWebhookStore } from './webhooks.ts'
import { createWindowStore } from './windows.ts'

export interface Stores extends ReturnType<typeof createAll> {
  /** The same stores for somebody who may know of the targets of one realm alone. */
  within(realm: Realm): Stores
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
export const createStores = (db: Database, codes: Codes, shared: Shared, realm: Realm = everything): Stores => ({
  ...createAll(db, { codes, ...shared, realm }),
  within: (narrower) => createStores(db, codes, shared, { ...narrower, ...realm }),
})

/** Findings that one transaction records. */
const findingsAtOnce = 1_000

const createAll = (
  db: Database,
  { codes, keys, changes, watch, knownKeys, realm }: { codes: Codes; realm: Realm } & Shared,
) => ({
  audits: createAuditStore(db, { codes, keys, realm, watch }),
  baselines: createBaselineStore(db, realm),
  basis: createBasisStore(db, realm),
  batches: createBatchStore(db),
  changes: createChangeStore(db),
  compliance: createComplianceStore(db, { codes, realm }),
  deliveries: createDeliveryStore(db),
  drift: createDriftStore(db, { codes, realm }),
  findings: createFindingStore(db, { codes, realm }),
  history: createHistoryStore(db, { codes, realm }),
  idempotency: createIdempotencyStore(db),
  keys: createKeyStore(db, knownKeys),
  ledger: createLedgerStore(db, keys, changes),
  outbox: createOutboxStore(db),
  pairs: createPairStore(db),
  policies: createPolicyStore(db),
  schedules: createScheduleStore(db, realm),
  targets: createTargetStore(db, realm),
  tickets: createTicketStore(db, codes),
  vantages: createVantageStore(db),
  waivers: createWaiverStore(db, realm),
  windows: createWindowStore(db, { codes, realm }),
  webhooks: createWebhookStore(db),
  record: inGroups(
    async (batches: readonly Recording[]) => {
      const progress = await recordBatches(db, codes, batches)
      for (const { findings } of batches) watch?.recorded(findings)
      return progress
    },
    { atOnce: 2, most: findingsAtOnce, sizeOf: ({ findings }) => findings.length + 1 },
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
