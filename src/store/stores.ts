import { createAuditStore } from './audits.ts'
import { createBaselineStore } from './baselines.ts'
import { createBatchStore } from './batches.ts'
import type { Codes } from './codes.ts'
import { createComplianceStore } from './compliance.ts'
import type { Database } from './database.ts'
import { createDriftStore } from './drift.ts'
import { createFindingStore } from './findings.ts'
import { createHistoryStore } from './history.ts'
import { createIdempotencyStore } from './idempotency.ts'
import { createKeyStore } from './keys.ts'
import { createPairStore } from './pairs.ts'
import { createPolicyStore } from './policies.ts'
import { recordBatch } from './record.ts'
import { createScheduleStore } from './schedules.ts'
import { endUnplannedSpans, ensureSeries } from './series.ts'
import { createTargetStore } from './targets.ts'
import { createVantageStore } from './vantages.ts'
import { createWaiverStore } from './waivers.ts'
import { createWindowStore } from './windows.ts'

export type Stores = ReturnType<typeof createStores>

/** All stores over one database, or over one transaction. */
export const createStores = (db: Database, codes: Codes) => ({
  audits: createAuditStore(db, codes),
  baselines: createBaselineStore(db),
  batches: createBatchStore(db),
  compliance: createComplianceStore(db, codes),
  drift: createDriftStore(db, codes),
  findings: createFindingStore(db, codes),
  history: createHistoryStore(db, codes),
  idempotency: createIdempotencyStore(db),
  keys: createKeyStore(db),
  pairs: createPairStore(db),
  policies: createPolicyStore(db),
  schedules: createScheduleStore(db),
  targets: createTargetStore(db),
  vantages: createVantageStore(db),
  waivers: createWaiverStore(db),
  windows: createWindowStore(db, codes),
  record: (batch: Parameters<typeof recordBatch>[2]) => recordBatch(db, codes, batch),
  ensureSeries: (policy: string, keys: Parameters<typeof ensureSeries>[2]) => ensureSeries(db, policy, keys),
  endUnplannedSpans: (policy: string, planned: Parameters<typeof endUnplannedSpans>[2]) =>
    endUnplannedSpans(db, policy, planned),
})
