import { type PlannedCheck, planTarget } from '../../domain/findings/plan.ts'
import { resolveParameters, resolveRule } from '../../domain/policy/parameters.ts'
import type { PolicyDocument, ResolvedRule } from '../../domain/policy/policy.ts'
import type { AuditOrder, Begun } from '../../store/audits/audits.ts'
import type { BatchCheck, NewBatch, QueuedBatch } from '../../store/audits/batches.ts'
import type { Pairs } from '../../store/audits/paired-observations.ts'
import type { Basis, PlannedTarget } from '../../store/audits/planning-snapshot.ts'
import type { NewFinding } from '../../store/audits/record-findings.ts'
import type { SeriesIds, SeriesKey } from '../../store/audits/series.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { KnownVantage } from '../../store/inventory/vantages.ts'
import type { Parts } from '../context.ts'
import { credentialOf } from './deduplicate-checks.ts'
import { finishAudit } from './finish.ts'
import { planPairs } from './plan-paired.ts'

type PlanParts = Pick<Parts, 'stores' | 'transaction' | 'enqueueBatches'>

/** Enough for a worker to have its sockets busy while silent hosts make it wait; few enough to lose when a worker dies. */
export const checksPerBatch = 500
const settledPerRecording = 1_000

export type Planned = PlannedCheck & { targetId: number; seriesId: number; vantageId: number }

/** What an audit will do: its looks in batches, and the findings that need none. */
export interface Plan extends Begun {
  checks: Planned[]
  shares: Share[]
  paired: Pairs
}

/** What is to be planned: which part of a policy and of the vantages, with which parameters. */
interface PlanWish extends Pick<AuditOrder, 'vantages' | 'rules' | 'params'> {
  basis: Basis
}

/**
 * Plans a queued audit in one transaction: what needs no look becomes a finding at once, the rest batches and their jobs.
 * Planning it again, or after it was canceled, changes nothing.
 */
export async function planAudit({ stores, transaction, enqueueBatches }: PlanParts, auditId: string): Promise<void> {
  await transaction(async (tx, database) => {
    const order = await tx.audits.lockQueued(auditId)
    if (!order) return
    const [plan] = await makePlans(tx, [{ ...order, basis: await tx.basis.ordered(order) }])
    if (!plan) throw new Error(`audit ${auditId} was not planned`)
    await tx.audits.start(auditId, plan)
    await carryOut(tx, [{ auditId, plan }], (vantage, jobs) => enqueueBatches(database, vantage, jobs))
  })
  // Without a look the plan was all. That may be the plan of an earlier delivery, whose worker died before this.
  if (await stores.audits.isRecorded(auditId)) await finishAudit(stores, auditId)
}

/** Makes the plans of audits, and the series that they need, in the transaction that will start them. */
export async function makePlans(stores: Stores, wishes: readonly PlanWish[]): Promise<Plan[]> {
  const drafts = wishes.map((wish) => ({ wish, checks: draftChecks(wish), name: wish.basis.policy.name }))
  const checks = new Map<PlanWish, Planned[]>()
  for (const [name, group] of Map.groupBy(drafts, (draft) => draft.name)) {
    const keys = group.flatMap((draft) => draft.checks.map(({ key }) => key))
    const series = (await stores.ensureSeries(name, keys)).values()
    for (const draft of group) {
      checks.set(
        draft.wish,
        draft.checks.map(({ key: _, ...check }) => ({ ...check, ...(series.next().value as SeriesIds) })),
      )
    }
    // An older version or a choice of vantages or rules looks at a part on purpose: what it leaves out is still in scope.
    const whole = group.filter(({ wish }) => isWhole(wish)).flatMap(({ wish }) => checks.get(wish) ?? [])
    if (whole.length > 0) await stores.endUnplannedSpans(name, whole)
  }
  const plans: Plan[] = []
  for (const wish of wishes) plans.push(await makePlan(stores, checks.get(wish) ?? [], vantagesOf(wish)))
  return plans
}

async function makePlan(stores: Stores, checks: Planned[], vantages: KnownVantage[]): Promise<Plan> {
  const looks = checks.filter((check) => check.kind === 'look')
  const paired = await planPairs(stores, looks)
  const shares = shareOut([...looks, ...paired.looks])
  return { checks, shares, paired, total: checks.length, batches: shares.length, vantages }
}

const isWhole = ({ vantages, rules, basis }: PlanWish) =>
  vantages.length === 0 && rules.length === 0 && basis.policy.isNewest

const vantagesOf = ({ vantages, basis }: PlanWish) =>
  basis.vantages.filter(({ name }) => vantages.length === 0 || vantages.includes(name))

/** The checks of an audit, each with the names of its series. */
function draftChecks(wish: PlanWish): (PlannedCheck & { targetId: number; key: SeriesKey })[] {
  const { policy, targets } = wish.basis
  const looksAt = ({ id }: { id: string }) => wish.rules.length === 0 || wish.rules.includes(id)
  const document = { ...policy.document, rules: policy.document.rules.filter(looksAt) }
  const rulesFor = ruleResolver(document, wish.params)
  const vantages = vantagesOf(wish)
  return targets.flatMap((target) =>
    planTarget(target, rulesFor(target), vantages).map((check) => {
      const rule = check.kind === 'look' ? check.rule.id : check.ruleId
      return { ...check, targetId: target.id, key: { targetId: target.id, rule, vantage: check.place.vantage } }
    }),
  )
}

/** Writes what the plans of audits demand, in the transaction that starts them. */
export async function carryOut(
  stores: Stores,
  planned: readonly { auditId: string; plan: Plan }[],
  enqueue: (vantage: string, jobs: QueuedBatch[]) => Promise<void>,
): Promise<void> {
  for (const { auditId, plan } of planned)
    if (plan.paired.pairs.length > 0) await stores.pairs.plan(auditId, plan.paired)
  const shares = planned.flatMap(({ auditId, plan }) => plan.shares.map((share) => ({ ...share, auditId })))
  const ids = await stores.batches.create(shares)
  const jobs = shares.map(({ vantage, auditId, checks }, i) => {
    const job = { auditId, batchId: ids[i] ?? -1, checks: checks.length }
    return { vantage, job }
  })
  for (const [vantage, group] of Map.groupBy(jobs, (one) => one.vantage)) {
    const some = group.map(({ job }) => job)
    await enqueue(vantage, some)
  }
  for (const { auditId, plan } of planned) {
    const settled = plan.checks
      .filter((check) => check.kind === 'settled')
      .map((check) => settledFinding(check, new Date()))
      .sort((a, b) => a.targetId - b.targetId || a.seriesId - b.seriesId) // series are locked in this order
    for (let i = 0; i < settled.length; i += settledPerRecording) {
      await stores.record({ auditId, batchId: null, findings: settled.slice(i, i + settledPerRecording) })
    }
  }
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

type Share = Omit<NewBatch, 'auditId'>

/** Cuts the looks of each vantage into batches. Those that send a credential stay together: one batch knows of a refusal. */
function shareOut(looks: readonly Look[]): Share[] {
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
