import type { Limits } from '../../domain/access/limits.ts'
import { QuotaError, RefusedError } from '../../domain/errors.ts'
import { coalesce } from '../../runtime/coalesce.ts'
import { required } from '../../runtime/required.ts'
import type { NewAudit } from '../../store/audits/audits.ts'
import type { Database } from '../../store/db/database.ts'
import { isUnavailable } from '../../store/db/outages.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Parts } from '../context.ts'
import { claimOnce } from '../idempotency.ts'
import { makePlans, type Plan, persistPlans } from './plan.ts'
import { type AuditRequest, checkRequests, type ResolvedRequest } from './resolve-request.ts'
import { checksPerBatch } from './split-batches.ts'

/** The limits of a deadline, and its default. */
export const deadlineSeconds = { least: 10, most: 86_400, default: 3_600 } as const

/** Who requests an audit, and how. */
export interface Order {
  trigger: string
  requestedBy: string
  idempotencyKey?: string
  /** Default: no limit. */
  quota?: Pick<Limits, 'targetsPerAudit' | 'checksInFlight' | 'callbacksWaiting'>
  /** Default: the time of the database. */
  now?: Date
  /** The planned start, from which the deadline counts. */
  startsAt?: Date
}

export type AcceptParts = Pick<Parts, 'transaction' | 'enqueuePlan' | 'enqueueBatches'>

export interface AcceptInput {
  request: AuditRequest
  order: Order
}

export interface Accepted {
  auditId: string
  created: boolean
}

/**
 * Checks a request, then writes its audit in one transaction with the job of its only batch, or with the job that plans it. An
 * Idempotency-Key that was used returns the audit of its request. Throws RefusedError with every issue, and QuotaError.
 */
export async function acceptAudit(parts: AcceptParts, request: AuditRequest, order: Order): Promise<Accepted> {
  const [accepted] = await acceptAudits(parts, [{ request, order }])
  if (!accepted) throw new Error('an audit was not accepted')
  return accepted
}

/** Targets of the audits that share one transaction. */
const targetsPerTransaction = 500

/**
 * Requests that arrive while others are accepted share one transaction. A request with inline targets or labels has its own,
 * so that others do not wait for its locks.
 */
export function createAcceptance(parts: AcceptParts): (input: AcceptInput) => Promise<Accepted> {
  const together = coalesce((inputs: readonly AcceptInput[]) => acceptAudits(parts, inputs), {
    concurrency: 2,
    maxSize: targetsPerTransaction,
    sizeOf: ({ request: { targets } }) => (Array.isArray(targets) ? targets.length : targetsPerTransaction),
    // After a connection that broke at the commit, another try could create them twice.
    isUndone: (error) => !isUnavailable(error),
  })
  const isNamed = ({ targets }: AuditRequest) =>
    Array.isArray(targets) && targets.every((one) => typeof one === 'string')
  return (input) => (isNamed(input.request) ? together(input) : acceptAudit(parts, input.request, input.order))
}

function acceptAudits(parts: AcceptParts, inputs: readonly AcceptInput[]): Promise<Accepted[]> {
  return parts.transaction(async (stores, tx) => {
    const accepted: Accepted[] = []
    const fresh: Fresh[] = []
    const { at, ids } = await stores.audits.newIds(inputs.length)
    for (const [i, input] of inputs.entries()) {
      const auditId = required(ids[i], `the id of audit ${i}`)
      const { requestedBy: actor, idempotencyKey } = input.order
      const made = await claimOnce(stores, { actor, idempotencyKey }, { request: input.request, resource: auditId })
      accepted.push({ auditId: made, created: made === auditId })
      if (made === auditId) fresh.push({ ...input, auditId, at })
    }
    if (fresh.length > 0) await writeAudits(parts, { stores, tx, fresh })
    return accepted
  })
}

/** A request that makes an audit, and when. */
interface Fresh extends AcceptInput {
  auditId: string
  at: Date
}

async function writeAudits(
  { enqueuePlan, enqueueBatches }: AcceptParts,
  { stores, tx, fresh }: { stores: Stores; tx: Database; fresh: readonly Fresh[] },
): Promise<void> {
  const found = await checkRequests(
    stores,
    fresh.map(({ request, order }) => ({ request, requestedBy: order.requestedBy })),
  )
  const resolved = fresh.map((one, i) => ({ ...one, snapshot: found[i] as ResolvedRequest }))
  await checkQuotas(stores, resolved)
  await checkCallbacks(stores, fresh)
  const now = resolved.filter(({ order, snapshot }) => !order.startsAt && fitsBatch(snapshot))
  const plans = await makePlans(
    stores,
    now.map(({ request: { params = {}, vantages = [] }, snapshot }) => ({ params, vantages, rules: [], snapshot })),
  )
  const planned = now.map(({ auditId, at }, i) => ({ auditId, at, plan: plans[i] as Plan }))
  const started = new Map(planned.map(({ auditId, plan }) => [auditId, plan]))
  await stores.audits.create(...resolved.map((one) => ({ ...auditOf(one), started: started.get(one.auditId) })))
  await persistPlans(stores, planned, (vantage, jobs) => enqueueBatches(tx, vantage, jobs))
  // A worker plans the others, and ends audits without batches.
  for (const { auditId, order } of resolved)
    if (!started.get(auditId)?.batches) await enqueuePlan(tx, auditId, order.startsAt)
}

function auditOf({ auditId, at, request, order, snapshot }: Fresh & { snapshot: ResolvedRequest }): NewAudit {
  const { params = {}, vantages = [], correlationId, reason, callbackUrl } = request
  const { trigger, requestedBy, now = at, startsAt = now } = order
  const deadlineMs = (request.deadlineSeconds ?? deadlineSeconds.default) * 1000
  return {
    id: auditId,
    policyId: snapshot.policy.id,
    targetIds: snapshot.targets.map(({ id }) => id),
    params,
    vantages,
    correlationId,
    reason,
    callbackUrl,
    trigger,
    requestedBy,
    deadlineAt: new Date(startsAt.getTime() + deadlineMs),
  }
}

/** Without a known vantage a plan would be empty, so the first worker plans. */
const fitsBatch = (snapshot: ResolvedRequest) => snapshot.vantages.length > 0 && checksOf(snapshot) <= checksPerBatch

const checksOf = ({ policy, targets }: ResolvedRequest) => targets.length * policy.document.rules.length

const quotaRetrySeconds = 30

/** More requests than arrive concurrently. */
const manyRequests = 500

/** Takes the lock of a requester only where concurrent requests could exceed the quota. */
async function checkQuotas(
  stores: Stores,
  inputs: readonly (AcceptInput & { snapshot: ResolvedRequest })[],
): Promise<void> {
  const added = new Map<string, number>()
  for (const { order, snapshot } of inputs) {
    const { quota, requestedBy } = order
    if (!quota) continue
    if (snapshot.targets.length > quota.targetsPerAudit) {
      const message = `these are ${snapshot.targets.length} targets, and an audit may have ${quota.targetsPerAudit}`
      throw new RefusedError([{ pointer: '/targets', message }])
    }
    const checks = checksOf(snapshot)
    const before = added.get(requestedBy) ?? 0
    added.set(requestedBy, before + checks)
    if (snapshot.checksInFlight + before + checks * manyRequests <= quota.checksInFlight) continue
    const underWay = before + (await stores.snapshot.lockChecksInFlight(requestedBy))
    if (underWay > 0 && underWay + checks > quota.checksInFlight)
      throw new QuotaError(
        `${underWay} checks of this key are under way, and this audit would make more than ${quota.checksInFlight} of them`,
        quotaRetrySeconds,
        'checks',
      )
  }
}

/** Callbacks wait for as long as their receivers do not respond. */
async function checkCallbacks(stores: Stores, inputs: readonly AcceptInput[]): Promise<void> {
  const withCallback = inputs.filter(({ request, order }) => request.callbackUrl !== undefined && order.quota)
  for (const [requestedBy, [first]] of Map.groupBy(withCallback, ({ order }) => order.requestedBy)) {
    const limit = first?.order.quota?.callbacksWaiting ?? Number.POSITIVE_INFINITY
    if ((await stores.deliveries.waitingCallbacks(requestedBy, limit)) < limit) continue
    throw new QuotaError(`${limit} callbacks of this key wait for their receivers`, quotaRetrySeconds, 'callbacks')
  }
}
