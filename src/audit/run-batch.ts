import { evidenceOf } from '../domain/evidence.ts'
import { judge } from '../domain/judge.ts'
import type { Observation } from '../domain/observation.ts'
import type { ResolvedRule } from '../domain/policy.ts'
import type { Observe } from '../probes/observe.ts'
import type { Batch, BatchCheck } from '../store/batches.ts'
import type { NewFinding } from '../store/record.ts'
import type { Stores } from '../store/stores.ts'
import { settledFinding } from './plan.ts'
import { createSharedLook } from './shared-look.ts'

export interface BatchParts {
  stores: Stores
  observe: Observe
  /** Whether the canary endpoints of the vantage answer; true where it names none. */
  isOnline(): Promise<boolean>
}

interface BatchJob {
  auditId: string
  batchId: number
}

/**
 * Runs a batch: looks, judges, records. What bounds its concurrency is the observer's budget of sockets.
 * A batch that is recorded already is not run again; if its worker died before the audit was finished, that is made good.
 */
export async function runBatch(parts: BatchParts, { auditId, batchId }: BatchJob): Promise<void> {
  const batch = await parts.stores.batches.findOpen(batchId)
  if (!batch) return finishIfDone(parts.stores, auditId)
  const onlineBefore = await parts.isOnline()
  const findings = onlineBefore ? await lookAndJudge(parts, batch) : []
  if (onlineBefore && (await parts.isOnline())) return record(parts.stores, { auditId, batchId, findings })
  // A vantage that is cut off sees every port as shut: nothing it saw is believed.
  await recordUnseen(parts.stores, { auditId, batchId }, { result: 'unknown', reason: 'vantage-offline' })
}

async function lookAndJudge({ observe }: BatchParts, { rules, checks }: Batch): Promise<NewFinding[]> {
  const look = createSharedLook(observe)
  return Promise.all(
    checks.map(async (check) => {
      const rule = ruleOf(rules, check)
      return judgedFinding(check, rule, await look(rule, check.host))
    }),
  )
}

/** Records every check of a batch as an error: no worker could run it. */
export async function failBatch({ stores }: { stores: Stores }, { auditId, batchId }: BatchJob): Promise<void> {
  await recordUnseen(stores, { auditId, batchId }, { result: 'error', reason: 'batch-failed' })
}

/**
 * Cancels an audit: what was not looked at yet becomes `unknown`, so that every check is accounted for. A worker that is in
 * the middle of a batch finds it recorded, and its results change nothing. False where the audit has ended already.
 */
export async function cancelAudit({ stores }: { stores: Stores }, auditId: string): Promise<boolean> {
  if (!(await stores.audits.requestCancel(auditId))) return false
  for (const batchId of await stores.batches.openIds(auditId)) {
    await recordUnseen(stores, { auditId, batchId }, { result: 'unknown', reason: 'audit-canceled' })
  }
  await stores.audits.finish(auditId)
  return true
}

async function recordUnseen(
  stores: Stores,
  { auditId, batchId }: BatchJob,
  unseen: Pick<NewFinding, 'result' | 'reason'>,
) {
  const batch = await stores.batches.findOpen(batchId)
  if (!batch) return finishIfDone(stores, auditId)
  const findings = batch.checks.map((check) => settledFinding({ ...check, ...unseen }, new Date()))
  await record(stores, { auditId, batchId, findings })
}

async function record(stores: Stores, batch: Parameters<Stores['record']>[0]) {
  const { batchesLeft } = await stores.record(batch)
  if (batchesLeft === 0) await stores.audits.finish(batch.auditId)
}

async function finishIfDone(stores: Stores, auditId: string): Promise<void> {
  if (await stores.audits.isRecorded(auditId)) await stores.audits.finish(auditId)
}

function ruleOf(rules: readonly ResolvedRule[], check: BatchCheck): ResolvedRule {
  const rule = rules[check.rule]
  if (!rule) throw new Error(`a check of series ${check.seriesId} names a rule that its batch does not hold`)
  return rule
}

function judgedFinding(check: BatchCheck, rule: ResolvedRule, seen: Observation): NewFinding {
  const judgement = judge(rule, seen, { windowOpen: false })
  const deciding = seen.sightings.find((s) => s.state === judgement.state) ?? seen.sightings[0]
  return {
    ...judgement,
    targetId: check.targetId,
    seriesId: check.seriesId,
    observedAt: new Date(seen.observedAt),
    latencyMs: deciding.latencyMs,
    attempts: seen.sightings.reduce((sum, sighting) => sum + sighting.attempts, 0),
    indirect: check.indirect,
    evidence: evidenceOf(seen),
  }
}
