import { ofFamilies } from '../../domain/findings/counted-addresses.ts'
import { evidenceOf } from '../../domain/findings/evidence.ts'
import { judge } from '../../domain/findings/judge.ts'
import type { Observation } from '../../domain/findings/observation.ts'
import type { ResolvedRule } from '../../domain/policy/policy.ts'
import type { Check } from '../../probes/engine/check.ts'
import type { Batch, BatchCheck } from '../../store/audits/batches.ts'
import type { PairedObservation } from '../../store/audits/paired-observations.ts'
import type { NewFinding } from '../../store/audits/record-findings.ts'
import { throughOutages } from '../../store/db/outages.ts'
import type { Stores } from '../../store/db/stores.ts'
import { checkKey, checkOf } from './deduplicate-checks.ts'
import { failIfRefused } from './end.ts'
import { type FinishParts, finishAudit, finishIfRecorded } from './finish.ts'
import { loadPermissions, type Permissions } from './load-exceptions.ts'
import { settledFinding } from './plan.ts'
import { type CheckRunner, runChecks } from './run-checks.ts'

type BatchParts = FinishParts & CheckRunner

interface BatchJob {
  auditId: string
  batchId: number
}

/**
 * Runs a batch: probes, judges, records. The socket budget of the prober bounds its concurrency.
 * A batch that is recorded already is not run again; if its worker died before the audit was finished, that is made good.
 */
export async function runBatch(parts: BatchParts, { auditId, batchId }: BatchJob): Promise<void> {
  const batch = await parts.stores.batches.findOpen(batchId)
  if (!batch) return finishIfRecorded(parts, auditId)
  const seen = await runChecks(parts, distinctChecksOf(batch).distinct)
  await throughOutages(() => recordSeen(parts, batch, seen)) // probing again would cost the targets
}

/**
 * The distinct checks of a batch, always in the same order, and the index of each planned check in them. Checks that differ in
 * their companions share a probe, and not what is concluded of its silence.
 */
export function distinctChecksOf({ rules, checks }: Batch): { distinct: Check[]; indexes: number[] } {
  const known = new Map<string, number>()
  const distinct: Check[] = []
  const indexes = checks.map((planned) => {
    const check = checkOf(ruleOf(rules, planned), planned.host)
    const key = `${checkKey(check)} ${check.companions ?? ''}`
    const index = known.get(key) ?? distinct.push(check) - 1
    known.set(key, index)
    return index
  })
  return { distinct, indexes }
}

/**
 * Judges and records the observations of a batch; undefined: its vantage was offline. A check without a valid observation
 * becomes an error. False if the batch had been recorded before.
 */
export async function recordSeen(
  parts: FinishParts,
  batch: Batch,
  seen: readonly (Observation | undefined)[] | undefined,
): Promise<boolean> {
  const job = { auditId: batch.auditId, batchId: batch.id }
  if (!seen) return recordUnseen(parts, job, { result: 'unknown', reason: 'vantage-offline' })
  const { indexes } = distinctChecksOf(batch)
  const observations = indexes.map((i, at) => {
    const check = batch.checks[at]
    const one = seen[i]
    return one && check && ofFamilies(one, ruleOf(batch.rules, check).families)
  })
  const judged = batch.checks.flatMap(({ targetId }, i) => {
    const observation = observations[i]
    return observation ? [{ targetId, at: Date.parse(observation.observedAt) }] : []
  })
  const permissions = await loadPermissions(parts.stores, { ...batch, judged })
  const findings: NewFinding[] = []
  const pairedObservations: PairedObservation[] = []
  for (const [i, check] of batch.checks.entries()) {
    const observation = observations[i]
    const rule = ruleOf(batch.rules, check)
    if (!observation) {
      if (!check.side) findings.push(settledFinding({ ...check, ...refused }, parts.now())) // else its pair is incomplete
    } else if (check.side)
      pairedObservations.push({ targetId: check.targetId, rule: rule.id, side: check.side, observation })
    else findings.push(judgedFinding(check, { rule, seen: observation, permissions }))
  }
  return record(parts, {
    ...job,
    findings,
    pairedObservations: pairedObservations.length > 0 ? pairedObservations : undefined,
    isUnproven: !batch.isSealed,
  })
}

const refused = { result: 'error', reason: 'observation-refused' } as const

/** Records every check of a failed batch as an error; fails the audit if that cannot be stored either. */
export async function failBatch(parts: FinishParts, { auditId, batchId }: BatchJob): Promise<void> {
  const unseen = { result: 'error', reason: 'batch-failed' } as const
  await failIfRefused(parts.endAudit, auditId, () => recordUnseen(parts, { auditId, batchId }, unseen))
}

/** Records the checks of an unrecorded batch without observations; ends the audit with its last batch. */
export async function recordUnseen(
  parts: FinishParts,
  { auditId, batchId }: BatchJob,
  unseen: Pick<NewFinding, 'result' | 'reason'>,
): Promise<boolean> {
  const batch = await parts.stores.batches.findOpen(batchId)
  if (!batch) {
    await finishIfRecorded(parts, auditId)
    return false
  }
  const alone = batch.checks.filter(({ side }) => side === undefined) // a pair misses one of its sides then
  const findings = alone.map((check) => settledFinding({ ...check, ...unseen }, parts.now()))
  return record(parts, { auditId, batchId, findings, isUnproven: !batch.isSealed })
}

async function record(parts: FinishParts, batch: Parameters<Stores['record']>[0]): Promise<boolean> {
  const { batchesLeft, isFirst } = await parts.stores.record(batch)
  if (batchesLeft === 0) await finishAudit(parts, batch.auditId)
  return isFirst
}

function ruleOf(rules: readonly ResolvedRule[], check: BatchCheck): ResolvedRule {
  const rule = rules[check.rule]
  if (!rule) throw new Error(`a check of series ${check.seriesId} names a rule that its batch does not hold`)
  return rule
}

function judgedFinding(
  check: BatchCheck,
  { rule, seen, permissions }: { rule: ResolvedRule; seen: Observation; permissions: Permissions },
): NewFinding {
  const judged = { rule: rule.id, targetId: check.targetId, at: Date.parse(seen.observedAt) }
  const windowId = permissions.windowOf(judged)
  const judgement = judge(rule, seen, { windowOpen: windowId !== null })
  const deciding = seen.addressResults.find((s) => s.state === judgement.state) ?? seen.addressResults[0]
  return {
    ...judgement,
    targetId: check.targetId,
    seriesId: check.seriesId,
    observedAt: new Date(seen.observedAt),
    latencyMs: deciding.latencyMs,
    attempts: seen.addressResults.reduce((sum, addressResult) => sum + addressResult.attempts, 0),
    indirect: check.indirect,
    evidence: evidenceOf(seen),
    windowId,
    waiverId: permissions.waiverOf(judged, judgement),
  }
}
