import { createPlanner, type PlannedRule } from '../../domain/findings/plan.ts'
import type { StartedAudit } from '../../store/audits/audits.ts'
import type { PlannedTarget } from '../../store/audits/planning-snapshot.ts'
import type { Database } from '../../store/db/database.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Parts } from '../context.ts'
import { credentialOf } from './deduplicate-checks.ts'
import { type FinishParts, finishIfRecorded } from './finish.ts'
import {
  makePlans,
  type Plan,
  type PlanRequest,
  persistBatches,
  persistPlans,
  selectedRules,
  settledFindings,
  vantagesOf,
} from './plan.ts'
import { checksPerBatch } from './split-batches.ts'

export type SliceParts = FinishParts & Pick<Parts, 'enqueueBatches'>
type PlanParts = SliceParts & Pick<Parts, 'enqueueSlices'>

/** Batches of the first slice: few, so that probing begins soon. */
const batchesOfFirst = 2
/** Batches of every other slice, which bound the memory for planning. */
const batchesPerSlice = 20

/**
 * Begins to plan a queued audit. One transaction starts it, plans its first slice, and stores the targets of the others as they
 * are now. Planning it again, or after it was canceled, changes nothing.
 */
export async function planAudit(parts: PlanParts, auditId: string): Promise<void> {
  await parts.transaction(async (tx, database) => {
    const order = await tx.audits.lockQueued(auditId)
    if (!order) return
    const request = { ...order, snapshot: await tx.snapshot.forAudit(order) }
    const { total, first, others } = sliceTargets(request)
    const plan = await makePlanOf(tx, { ...request, snapshot: { ...request.snapshot, targets: first } })
    await tx.audits.start(auditId, { ...plan, total, batches: plan.batches + others.length })
    await persistPlans(tx, [{ auditId, plan, at: parts.now() }], enqueueIn(parts, database))
    if (others.length === 0) return
    await tx.slices.create(auditId, others)
    await parts.enqueueSlices(database, auditId)
  })
  // An audit without batches ends here; its plan may come from a worker that died.
  await finishIfRecorded(parts, auditId)
}

/** Plans the slices that are left of an audit, each in a transaction of its own, while the ones before are probed. */
export async function planSlices(parts: SliceParts, auditId: string): Promise<void> {
  const { slices } = parts.stores
  for (let at = await slices.next(auditId); at !== undefined; at = await slices.next(auditId)) {
    await planSlice(parts, auditId, at).catch((error: unknown) => {
      if (!(error instanceof EndedError)) throw error
    })
  }
  await finishIfRecorded(parts, auditId)
}

/** Ends an audit whose planning failed. */
export async function failPlanning({ endAudit }: Pick<Parts, 'endAudit'>, auditId: string): Promise<void> {
  await endAudit({ id: auditId, error: 'the audit could not be planned; the log of the worker has the cause' })
}

/** The audit has ended while a slice was planned. */
class EndedError extends Error {}

/**
 * Takes one slice and plans it. The audit is locked last, because recordings lock series before audits. A canceled audit gets no
 * more batches; its checks are `unknown`.
 */
async function planSlice(parts: SliceParts, auditId: string, position: number): Promise<void> {
  await parts.transaction(async (tx, database) => {
    const slice = await tx.slices.take(auditId, position)
    const audit = slice && (await tx.audits.findStarted(auditId))
    if (!audit) return // it was planned meanwhile, or it is not wanted any more
    const isUnproven = !slice.isSealed
    const made = await makePlanOf(tx, await requestOf(tx, audit, slice.targets))
    const plan = audit.isCanceled ? withoutProbes(made) : made
    const drafts = plan.drafts.map((draft) => ({ ...draft, isUnproven }))
    await persistBatches(tx, [{ auditId, plan: { drafts } }], enqueueIn(parts, database))
    // One recording: after the first, this transaction has locked the audit.
    const findings = settledFindings(plan, parts.now())
    if (findings.length > 0) await tx.record({ auditId, batchId: null, findings, isUnproven })
    if (!(await tx.audits.addBatches(auditId, plan.batches))) throw new EndedError()
  })
}

/** The policy never changes; targets and vantages are those of the start. */
async function requestOf(tx: Stores, audit: StartedAudit, targets: PlannedTarget[]): Promise<PlanRequest> {
  const { policyId, plannedVantages: vantages } = audit
  return { ...audit, snapshot: { ...(await tx.snapshot.forAudit({ policyId, targetIds: [] })), targets, vantages } }
}

async function makePlanOf(tx: Stores, request: PlanRequest): Promise<Plan> {
  const [plan] = await makePlans(tx, [request])
  if (!plan) throw new Error('an audit was not planned')
  return plan
}

function withoutProbes(plan: Plan): Plan {
  const unseen = { result: 'unknown', reason: 'audit-canceled' } as const
  const checks = plan.drafts.flatMap((draft) => draft.checks.map((check) => ({ ...check, ...unseen })))
  return { ...plan, settled: [...plan.settled, ...checks], drafts: [], batches: 0 }
}

const enqueueIn =
  ({ enqueueBatches }: Pick<Parts, 'enqueueBatches'>, database: Database): Parameters<typeof persistPlans>[2] =>
  (vantage, jobs) =>
    enqueueBatches(database, vantage, jobs)

interface Slices {
  /** Checks of all targets. */
  total: number
  first: PlannedTarget[]
  others: PlannedTarget[][]
}

/**
 * Cuts the targets where batches end. Checks with one credential share a batch, and pairs are stored together, so an audit with
 * such rules has one slice.
 */
export function sliceTargets(request: PlanRequest): Slices {
  const { targets } = request.snapshot
  const rulesFor = selectedRules(request)
  const plan = createPlanner(vantagesOf(request))
  const counts = new Map<readonly PlannedRule[], number>()
  const slices: PlannedTarget[][] = [[]]
  let total = 0
  let batches = 0
  let checks = 0 // of the batch that is not full
  for (const target of targets) {
    const rules = rulesFor(target)
    const count = counts.get(rules) ?? plan(target, rules).length
    counts.set(rules, count)
    total += count
    if (checks > 0 && checks + count > checksPerBatch) {
      batches += Math.ceil(checks / checksPerBatch)
      checks = 0
    }
    if (batches >= (slices.length === 1 ? batchesOfFirst : batchesPerSlice)) {
      slices.push([])
      batches = 0
    }
    checks += count
    slices.at(-1)?.push(target)
  }
  const isDivisible = [...counts.keys()].every((rules) => rules.every(standsAlone))
  const [first = [], ...others] = isDivisible ? slices : [targets]
  return { total, first, others }
}

const standsAlone = ({ resolved, unlike }: PlannedRule): boolean =>
  !unlike && (typeof resolved === 'string' || credentialOf(resolved) === undefined)
