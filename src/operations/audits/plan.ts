import { companionsOf } from '../../domain/findings/host-response.ts'
import { createPlanner, type PlannedCheck, type PlannedRule } from '../../domain/findings/plan.ts'
import { isSupported } from '../../domain/policy/judgeable.ts'
import { resolveParameters, resolveRule } from '../../domain/policy/parameters.ts'
import type { PolicyDocument, ResolvedRule } from '../../domain/policy/policy.ts'
import { required } from '../../runtime/required.ts'
import type { AuditOrder, Started } from '../../store/audits/audits.ts'
import type { QueuedBatch } from '../../store/audits/batches.ts'
import type { Pairs } from '../../store/audits/paired-observations.ts'
import type { PlannedTarget, PlanningSnapshot } from '../../store/audits/planning-snapshot.ts'
import type { NewFinding } from '../../store/audits/record-findings.ts'
import { keysPerStatement, type SeriesKey } from '../../store/audits/series.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { KnownVantage } from '../../store/inventory/vantages.ts'
import { type Planned, planPairs } from './plan-paired.ts'
import { recordUnbatched } from './record-unbatched.ts'
import { type BatchDraft, splitIntoBatches } from './split-batches.ts'

/** The batches, and the findings that need no probe. */
export interface Plan extends Started {
  settled: SettledCheck[]
  drafts: BatchDraft[]
  paired: Pairs
}

/** What is to be planned: which part of a policy and of the vantages, with which parameters. */
export interface PlanRequest extends Pick<AuditOrder, 'vantages' | 'rules' | 'params'> {
  snapshot: PlanningSnapshot
}

/** Makes the plans of audits, and the series that they need, in the transaction that will start them. */
export async function makePlans(stores: Stores, requests: readonly PlanRequest[]): Promise<Plan[]> {
  const drafts = requests.map((request) => ({
    request,
    checks: draftChecks(request),
    name: request.snapshot.policy.name,
  }))
  const checks = new Map<PlanRequest, Planned[]>()
  for (const [name, group] of Map.groupBy(drafts, (draft) => draft.name)) {
    const planned = await addSeries(
      stores,
      name,
      group.flatMap((draft) => draft.checks),
    )
    let from = 0
    for (const { request, checks: own } of group) {
      checks.set(request, planned.slice(from, from + own.length))
      from += own.length
    }
    // An older version or a selection covers a part on purpose: the rest stays in scope.
    const whole = group.filter(({ request }) => isWhole(request)).flatMap(({ request }) => checks.get(request) ?? [])
    if (whole.length > 0) await stores.endUnplannedSpans(name, whole)
  }
  const plans: Plan[] = []
  for (const request of requests) plans.push(await makePlan(stores, checks.get(request) ?? [], vantagesOf(request)))
  return plans
}

async function makePlan(stores: Stores, checks: Planned[], vantages: KnownVantage[]): Promise<Plan> {
  const probes = checks.filter((check) => check.kind === 'probe')
  const paired = await planPairs(stores, probes)
  const drafts = splitIntoBatches([...probes, ...paired.probes])
  const settled = checks.filter((check) => check.kind === 'settled')
  return { settled, drafts, paired, total: checks.length, batches: drafts.length, vantages }
}

const isWhole = ({ vantages, rules, snapshot }: PlanRequest) =>
  vantages.length === 0 && rules.length === 0 && snapshot.policy.isNewest

/** The vantages that an audit may use. */
export const vantagesOf = ({ vantages, snapshot }: PlanRequest) =>
  snapshot.vantages.filter(({ name }) => vantages.length === 0 || vantages.includes(name))

type Draft = PlannedCheck & { targetId: number }

/** The checks of an audit. */
function draftChecks(request: PlanRequest): Draft[] {
  const rulesFor = selectedRules(request)
  const plan = createPlanner(vantagesOf(request))
  return request.snapshot.targets.flatMap((target) =>
    plan(target, rulesFor(target)).map((check) => Object.assign(check, { targetId: target.id })),
  )
}

/** The rules that an audit checks for a target: the same list for all targets with the same parameters. */
export function selectedRules({ snapshot, params, rules }: PlanRequest) {
  const isSelected = ({ id }: { id: string }) => rules.length === 0 || rules.includes(id)
  return ruleResolver(snapshot.policy.document, params, isSelected)
}

/** Adds the ids of series to the checks of one policy, in steps that bound the memory for their keys. */
async function addSeries(stores: Stores, policy: string, checks: readonly Draft[]): Promise<Planned[]> {
  const planned: Planned[] = []
  for (let i = 0; i < checks.length; i += keysPerStatement) {
    const some = checks.slice(i, i + keysPerStatement)
    const ids = await stores.ensureSeries(policy, some.map(keyOf))
    for (const [at, check] of some.entries()) planned.push(Object.assign(check, required(ids[at], `series ${at}`)))
  }
  return planned
}

const keyOf = (check: Draft): SeriesKey => ({
  targetId: check.targetId,
  rule: check.kind === 'probe' ? check.rule.id : check.ruleId,
  vantage: check.origin.vantage,
})

/** Writes plans in the transaction that starts the audits. */
export async function persistPlans(
  stores: Stores,
  planned: readonly { auditId: string; plan: Plan; at: Date }[],
  enqueue: (vantage: string, jobs: QueuedBatch[]) => Promise<void>,
): Promise<void> {
  for (const { auditId, plan } of planned)
    if (plan.paired.pairs.length > 0) await stores.pairs.plan(auditId, plan.paired)
  await persistBatches(stores, planned, enqueue)
  for (const { auditId, plan, at } of planned) await recordUnbatched(stores, { auditId }, settledFindings(plan, at))
}

/** Writes batches and their jobs in the transaction that plans them. */
export async function persistBatches(
  stores: Stores,
  planned: readonly { auditId: string; plan: Pick<Plan, 'drafts'> }[],
  enqueue: (vantage: string, jobs: QueuedBatch[]) => Promise<void>,
): Promise<void> {
  const batches = planned.flatMap(({ auditId, plan }) => plan.drafts.map((draft) => ({ ...draft, auditId })))
  const ids = await stores.batches.create(batches)
  const jobs = batches.map(({ vantage, auditId, checks }, i) => {
    const job = { auditId, batchId: required(ids[i], `the id of batch ${i}`), checks: checks.length }
    return { vantage, job }
  })
  for (const [vantage, group] of Map.groupBy(jobs, (one) => one.vantage)) {
    const some = group.map(({ job }) => job)
    await enqueue(vantage, some)
  }
}

/** The findings that need no probe, in the order in which series are locked. */
export const settledFindings = ({ settled }: Pick<Plan, 'settled'>, at: Date): NewFinding[] =>
  settled.map((check) => settledFinding(check, at)).sort((a, b) => a.targetId - b.targetId || a.seriesId - b.seriesId)

/** Resolves the rules once for all targets with the same parameters: most have none of their own. */
export function ruleResolver(
  document: PolicyDocument,
  params: Record<string, unknown>,
  isSelected: (rule: { id: string }) => boolean = () => true,
) {
  const resolved = new Map<string, readonly PlannedRule[]>()
  return (target: PlannedTarget) => {
    const key = JSON.stringify(target.params)
    const known = resolved.get(key)
    if (known) return known
    const parameters = resolveParameters(document, { audit: params, target: target.params })
    if ('errors' in parameters)
      throw new Error(
        `target ${target.name}: ${parameters.errors.map(({ parameter, message }) => `${parameter} ${message}`).join('; ')}`,
      )
    const found = document.rules.map((rule) => supportedOnly(resolveRule(rule, parameters.values)))
    const companions = companionsOf(found.filter((rule) => typeof rule !== 'string'))
    const rules = document.rules.map(({ id, from, indirect = false, unlike }, i) => {
      const one = found[i] ?? 'notapplicable'
      return {
        id,
        from,
        indirect,
        unlike,
        resolved: typeof one === 'string' ? one : { ...one, companions: companions(one) },
      }
    })
    const selected = rules.filter(isSelected)
    resolved.set(key, selected)
    return selected
  }
}

/** Neither workers nor agents know what to probe for a rule of a newer version. */
const supportedOnly = (rule: ResolvedRule | 'notapplicable'): PlannedRule['resolved'] =>
  rule === 'notapplicable' || isSupported(rule) ? rule : 'unsupported'

/** A check whose result needs no observation. */
type SettledCheck = Pick<NewFinding, 'targetId' | 'seriesId' | 'result' | 'reason'> & { indirect?: boolean }

/** A finding without an observation. */
export const settledFinding = (check: SettledCheck, now: Date): NewFinding => ({
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
