import { resolveParameters, resolveRule } from '../domain/parameters.ts'
import { type PlannedCheck, planTarget } from '../domain/plan.ts'
import type { PolicyDocument, ResolvedRule } from '../domain/policy.ts'
import type { AuditOrder, Begun } from '../store/audits.ts'
import type { Basis, PlannedTarget } from '../store/basis.ts'
import type { BatchCheck, NewBatch, QueuedBatch } from '../store/batches.ts'
import type { Database } from '../store/database.ts'
import type { Pairs } from '../store/pairs.ts'
import type { NewFinding } from '../store/record.ts'
import type { Stores, Transact } from '../store/stores.ts'
import { finishAudit } from './finish.ts'
import { planPairs } from './plan-pairs.ts'
import { credentialOf } from './shared-look.ts'

export interface PlanParts {
  stores: Stores
  transaction: Transact
  enqueueBatches(tx: Database, vantage: string, jobs: readonly QueuedBatch[]): Promise<void>
}

/** Enough for a worker to have its sockets busy while silent hosts make it wait; few enough to lose when a worker dies. */
export const checksPerBatch = 500
const settledPerRecording = 1_000

export type Planned = PlannedCheck & { targetId: number; seriesId: number; vantageId: number }

/** What an audit will do: its looks in batches, and the findings that need none. */
export interface Plan extends Begun {
  checks: Planned[]
  shares: NewBatch[]
  paired: Pairs
}

/**
 * Plans a queued audit in one transaction: what needs no look becomes a finding at once, the rest batches and their jobs.
 * Planning it again, or after it was canceled, changes nothing.
 */
export async function planAudit({ stores, transaction, enqueueBatches }: PlanParts, auditId: string): Promise<void> {
  await transaction(async (tx, database) => {
    const order = await tx.audits.lockQueued(auditId)
    if (!order) return
    const plan = await makePlan(tx, order, await tx.basis.ordered(order))
    await tx.audits.start(auditId, plan)
    await carryOut(tx, { auditId, plan }, (vantage, jobs) => enqueueBatches(database, vantage, jobs))
  })
  // Without a look the plan was all. That may be the plan of an earlier delivery, whose worker died before this.
  if (await stores.audits.isRecorded(auditId)) await finishAudit(stores, auditId)
}

/** Makes the plan of an audit, and the series that it needs, in the transaction that will start it. */
export async function makePlan(
  stores: Stores,
  order: Pick<AuditOrder, 'vantages' | 'rules' | 'params'>,
  basis: Basis,
): Promise<Plan> {
  const chosen = ({ name }: { name: string }) => order.vantages.length === 0 || order.vantages.includes(name)
  const vantages = basis.vantages.filter(chosen)
  const checks = await planChecks(stores, order, { ...basis, vantages })
  const looks = checks.filter((check) => check.kind === 'look')
  const paired = await planPairs(stores, looks)
  const shares = shareOut([...looks, ...paired.looks])
  return { checks, shares, paired, total: checks.length, batches: shares.length, vantages }
}

/** Writes what the plan of an audit demands, in the transaction that starts it. */
export async function carryOut(
  stores: Stores,
  { auditId, plan }: { auditId: string; plan: Plan },
  enqueue: (vantage: string, jobs: QueuedBatch[]) => Promise<void>,
): Promise<void> {
  const { checks, shares, paired } = plan
  if (paired.pairs.length > 0) await stores.pairs.plan(auditId, paired)
  const ids = await stores.batches.create(auditId, shares)
  const jobs = shares.map(({ vantage, checks }, i) => {
    const job = { auditId, batchId: ids[i] ?? -1, checks: checks.length }
    return { vantage, job }
  })
  for (const [vantage, group] of Map.groupBy(jobs, (one) => one.vantage)) {
    await enqueue(
      vantage,
      group.map(({ job }) => job),
    )
  }
  const settled = checks
    .filter((check) => check.kind === 'settled')
    .map((check) => settledFinding(check, new Date()))
    .sort((a, b) => a.targetId - b.targetId || a.seriesId - b.seriesId) // series are locked in this order
  for (let i = 0; i < settled.length; i += settledPerRecording) {
    await stores.record({ auditId, batchId: null, findings: settled.slice(i, i + settledPerRecording) })
  }
}

async function planChecks(
  stores: Stores,
  order: Parameters<typeof makePlan>[1],
  { policy, targets, vantages }: Basis,
): Promise<Planned[]> {
  const looksAt = ({ id }: { id: string }) => order.rules.length === 0 || order.rules.includes(id)
  const document = { ...policy.document, rules: policy.document.rules.filter(looksAt) }
  const rulesFor = ruleResolver(document, order.params)
  const planned = targets.flatMap((target) =>
    planTarget(target, rulesFor(target), vantages).map((check) => ({ ...check, targetId: target.id })),
  )
  const keys = planned.map((check) => ({
    targetId: check.targetId,
    rule: check.kind === 'look' ? check.rule.id : check.ruleId,
    vantage: check.place.vantage,
  }))
  const series = await stores.ensureSeries(policy.name, keys)
  const checks = planned.map((check, i) => ({
    ...check,
    seriesId: series[i]?.seriesId ?? -1,
    vantageId: series[i]?.vantageId ?? -1,
  }))
  // An older version or a choice of vantages or rules looks at a part on purpose: what it leaves out is still in scope.
  const looksAtAll = order.vantages.length === 0 && order.rules.length === 0 && policy.isNewest
  if (looksAtAll) await stores.endUnplannedSpans(policy.name, checks)
  return checks
}

/** Resolves the rules once for all targets with the same parameters: most have none of their own. */
export function ruleResolver(document: PolicyDocument, params: Record<string, unknown>) {
  const resolved = new Map<string, Parameters<typeof planTarget>[1]>()
  return (target: PlannedTarget) => {
    const key = JSON.stringify(target.params)
    const known = resolved.get(key)
    if (known) return known
    const parameters = resolveParameters(document, { audit: params, target: target.params })
    if ('errors' in parameters)
      throw new Error(
        `target ${target.name}: ${parameters.errors.map(({ parameter, message }) => `${parameter} ${message}`).join('; ')}`,
      )
    const rules = document.rules.map((rule) => ({
      id: rule.id,
      from: rule.from,
      indirect: rule.indirect ?? false,
      unlike: rule.unlike,
      resolved: resolveRule(rule, parameters.values),
    }))
    resolved.set(key, rules)
    return rules
  }
}

export type Look = Extract<Planned, { kind: 'look' }> & { side?: 'other' }

/** Cuts the looks of each vantage into batches. Those that send a credential stay together: one batch knows of a refusal. */
function shareOut(looks: readonly Look[]): NewBatch[] {
  const groups = Map.groupBy(looks, ({ place, rule }) => `${place.vantage} ${credentialOf(rule) ?? ''}`)
  return [...groups.values()].flatMap((checks) => {
    const [first] = checks
    if (!first) return []
    const size = credentialOf(first.rule) === undefined ? checksPerBatch : checks.length
    return Array.from({ length: Math.ceil(checks.length / size) }, (_, i) => ({
      vantage: first.place.vantage,
      vantageId: first.vantageId,
      ...compact(checks.slice(i * size, (i + 1) * size)),
    }))
  })
}

function compact(looks: readonly Look[]): { rules: ResolvedRule[]; checks: BatchCheck[] } {
  const places = new Map<ResolvedRule, number>()
  const checks = looks.map(({ targetId, seriesId, rule, host, place, unlike, side }): BatchCheck => {
    if (!places.has(rule)) places.set(rule, places.size)
    const check = { targetId, seriesId, rule: places.get(rule) ?? -1, host, indirect: place.indirect }
    return unlike ? { ...check, side: side ?? 'one' } : check
  })
  return { rules: [...places.keys()], checks }
}

/** A finding that needed no look, or got none. */
export const settledFinding = (
  check: {
    targetId: number
    seriesId: number
    result: NewFinding['result']
    reason: NewFinding['reason']
    indirect?: boolean
  },
  now: Date,
): NewFinding => ({
  targetId: check.targetId,
  seriesId: check.seriesId,
  result: check.result,
  state: 'unknown',
  reason: check.reason,
  observedAt: now,
  latencyMs: null,
  attempts: 0,
  indirect: check.indirect ?? false,
  evidence: null,
})
