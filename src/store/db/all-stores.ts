import type { Change, LedgerKeys } from '../../domain/ledger.ts'
import { bindSalts, createSealer, type Sealer } from '../../domain/seals.ts'
import { createActorStore } from '../access/actors.ts'
import { createIdempotencyStore } from '../access/idempotency.ts'
import type { KnownKeys } from '../access/key-cache.ts'
import { createKeyStore } from '../access/keys.ts'
import { createSessionStore } from '../access/sessions.ts'
import { createAuditStore } from '../audits/audits.ts'
import { createBatchStore } from '../audits/batches.ts'
import { createBindStore } from '../audits/binds.ts'
import { createFindingStore } from '../audits/findings.ts'
import { createPairStore } from '../audits/paired-observations.ts'
import { createSliceStore } from '../audits/plan-slices.ts'
import { createPlanningStore } from '../audits/planning-snapshot.ts'
import { type Recording, recordBatches } from '../audits/record-findings.ts'
import { endUnplannedSpans, ensureSeries } from '../audits/series.ts'
import { createSummaryStore } from '../audits/summary.ts'
import { createWaiverStore } from '../exceptions/waivers.ts'
import { createWindowStore } from '../exceptions/windows.ts'
import { createChangeStore } from '../history/as-of.ts'
import { createBaselineStore } from '../history/baselines.ts'
import { createCertificateStore } from '../history/certificates.ts'
import { createComplianceStore } from '../history/compliance.ts'
import { createCurrentFindingStore } from '../history/current-findings.ts'
import { createDigestStore } from '../history/digests.ts'
import { createDriftStore } from '../history/drift.ts'
import { createFlowStore } from '../history/flows.ts'
import { createMatrixStore } from '../history/matrix.ts'
import { createHistoryStore } from '../history/spans.ts'
import { createTrendStore } from '../history/trend.ts'
import { createUnknownStore } from '../history/unknown.ts'
import { createPolicyStore } from '../inventory/policies.ts'
import { createScheduleStore } from '../inventory/schedules.ts'
import { createTargetStore } from '../inventory/targets.ts'
import { createVantageStore } from '../inventory/vantages.ts'
import { createDiscoveryStore } from '../learning/discoveries.ts'
import { createLedgerStore } from '../ledger/entries.ts'
import type { TargetScope } from '../query/target-scope.ts'
import { createSearchStore } from '../search/search.ts'
import { createTraceStore } from '../traces/traces.ts'
import { createAlertStore } from '../webhooks/alerts.ts'
import { createDeliveryStore } from '../webhooks/deliveries.ts'
import { createOutboxStore } from '../webhooks/outbox.ts'
import { createTicketStore } from '../webhooks/tickets.ts'
import { createWebhookStore } from '../webhooks/webhooks.ts'
import type { Codes } from './codes.ts'
import type { Database } from './database.ts'
import { createMaintenanceStore } from './maintenance.ts'
import type { Watch } from './metrics-hook.ts'
import { queueSchemaOf } from './schemas.ts'

/** What the stores of a process share. */
export interface Shared {
  keys: LedgerKeys
  /** Collects the ledger entries of a transaction. */
  changes?: Change[]
  watch?: Watch | undefined
  knownKeys?: KnownKeys | undefined
  /** Default: that of an installation in `public`. */
  queueSchema?: string
}

/**
 * Every store over one database or transaction. The methods that `batched` lists take many items, in one statement or transaction,
 * and return their results in the same order.
 */
export function createAll(
  db: Database,
  {
    codes,
    keys,
    changes,
    watch,
    knownKeys,
    queueSchema = queueSchemaOf(undefined),
    targetScope,
  }: { codes: Codes; targetScope: TargetScope } & Shared,
) {
  const sealer = sealerOf(keys)
  return {
    actors: createActorStore(db),
    alerts: createAlertStore(db),
    audits: createAuditStore(db, { codes, targetScope, sealer }),
    baselines: createBaselineStore(db, targetScope),
    snapshot: createPlanningStore(db, targetScope),
    batches: createBatchStore(db, sealer),
    binds: createBindStore(db, bindSalts(keys)),
    certificates: createCertificateStore(db, targetScope),
    changes: createChangeStore(db),
    compliance: createComplianceStore(db, { codes, targetScope }),
    currentFindings: createCurrentFindingStore(db, { codes, targetScope }),
    deliveries: createDeliveryStore(db),
    digests: createDigestStore(db, targetScope),
    discoveries: createDiscoveryStore(db, targetScope),
    drift: createDriftStore(db, { codes, targetScope }),
    findings: createFindingStore(db, { codes, targetScope }),
    flows: createFlowStore(db, { codes, targetScope }),
    history: createHistoryStore(db, { codes, targetScope }),
    idempotency: createIdempotencyStore(db),
    keys: createKeyStore(db, knownKeys),
    ledger: createLedgerStore(db, keys, changes),
    matrix: createMatrixStore(db, { codes, targetScope }),
    maintenance: createMaintenanceStore(db),
    outbox: createOutboxStore(db),
    pairs: createPairStore(db, sealer),
    policies: createPolicyStore(db),
    slices: createSliceStore(db, sealer),
    schedules: createScheduleStore(db, targetScope),
    search: createSearchStore(db, targetScope),
    sessions: createSessionStore(db),
    targets: createTargetStore(db, targetScope),
    summaries: createSummaryStore(db, { codes, targetScope }),
    tickets: createTicketStore(db, codes),
    trend: createTrendStore(db, { codes, targetScope }),
    traces: createTraceStore(db, { codes, targetScope }),
    unknown: createUnknownStore(db, { codes, targetScope }),
    vantages: createVantageStore(db, queueSchema),
    waivers: createWaiverStore(db, targetScope),
    windows: createWindowStore(db, { codes, targetScope }),
    webhooks: createWebhookStore(db),
    record: async (batches: readonly Recording[]) => {
      const progress = await recordBatches(db, { codes, sealer }, batches)
      for (const { findings } of batches) watch?.recorded(findings)
      return progress
    },
    ensureSeries: (policy: string, keys: Parameters<typeof ensureSeries>[2]) => ensureSeries(db, policy, keys),
    endUnplannedSpans: (policy: string, planned: Parameters<typeof endUnplannedSpans>[2]) =>
      endUnplannedSpans(db, policy, planned),
  }
}

/** Transactions create stores: the secrets are derived once. */
const sealers = new WeakMap<LedgerKeys, Sealer>()
function sealerOf(keys: LedgerKeys): Sealer {
  const sealer = sealers.get(keys) ?? createSealer(keys)
  sealers.set(keys, sealer)
  return sealer
}
