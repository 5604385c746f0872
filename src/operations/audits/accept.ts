import { v7 as newUuid } from 'uuid'
import type { Limits } from '../../domain/access/limits.ts'
import { QuotaError, RefusedError } from '../../domain/errors.ts'
import { coalesce } from '../../runtime/coalesce.ts'
import type { NewAudit } from '../../store/audits/audits.ts'
import type { Database } from '../../store/db/database.ts'
import { isUnavailable } from '../../store/db/outages.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Parts } from '../context.ts'
import { claimOnce } from '../idempotency.ts'
import { checksPerBatch, makePlans, type Plan, persistPlans } from './plan.ts'
import { type AuditRequest, checkRequests, type ResolvedRequest } from './resolve-request.ts'

/** What a caller may ask for, and gets without asking. */
export const deadlineSeconds = { least: 10, most: 86_400, default: 3_600 } as const

/** Who asks, and how. */
export interface Order {
  trigger: string
  requestedBy: string
  idempotencyKey?: string
  /** What the one who asks may have under way; default: anything. */
  quota?: Pick<Limits, 'targetsPerAudit' | 'checksInFlight'>
  /** Default: the time of the clock. */
  now?: Date
  /** When it is to be planned, if not now; its deadline is counted from then. */
  startsAt?: Date
}

export type AcceptParts = Pick<Parts, 'transaction' | 'enqueuePlan' | 'enqueueBatches'>

/** A request, and who makes it how. */
export interface AcceptInput {
  request: AuditRequest
  order: Order
}

export interface Accepted {
  auditId: string
  created: boolean
}

/**
 * Accepts an audit: everything is checked first, then the audit is written in one transaction with the jobs that look, if a
 * batch can hold it; else with the job that plans it.
 * The same idempotency key with the same request answers the audit that it made; with another one it is refused.
 * Throws RefusedError with every mistake that it found, and QuotaError for more than the quota; nothing is written then.
 */
export async function acceptAudit(parts: AcceptParts, request: AuditRequest, order: Order): Promise<Accepted> {
  const [accepted] = await acceptAudits(parts, [{ request, order }])
  if (!accepted) throw new Error('an audit was not accepted')
  return accepted
}

/** How many targets the audits have that one transaction accepts. */
const targetsAtOnce = 500

/**
 * Accepts audits as they are asked for: those that come while others are being accepted share one transaction. Whoever brings
 * targets of his own, or selects them by labels, has one for himself: nobody else waits for its locks.
 */
export function createAcceptance(parts: AcceptParts): (asking: AcceptInput) => Promise<Accepted> {
  const together = coalesce((inputs: readonly AcceptInput[]) => acceptAudits(parts, inputs), {
    concurrency: 2,
    maxSize: targetsAtOnce,
    sizeOf: ({ request: { targets } }) => (Array.isArray(targets) ? targets.length : targetsAtOnce),
    // Where the connection broke at the commit, another try could make all of them twice.
    isUndone: (error) => !isUnavailable(error),
  })
  const isNamed = ({ targets }: AuditRequest) =>
    Array.isArray(targets) && targets.every((one) => typeof one === 'string')
  return (asking) => (isNamed(asking.request) ? together(asking) : acceptAudit(parts, asking.request, asking.order))
}

function acceptAudits(parts: AcceptParts, inputs: readonly AcceptInput[]): Promise<Accepted[]> {
  return parts.transaction(async (stores, tx) => {
    const accepted: Accepted[] = []
    const fresh: (AcceptInput & { auditId: string })[] = []
    for (const asking of inputs) {
      const auditId = newUuid()
      const { requestedBy: actor, idempotencyKey } = asking.order
      const made = await claimOnce(stores, { actor, idempotencyKey }, { request: asking.request, resource: auditId })
      accepted.push({ auditId: made, created: made === auditId })
      if (made === auditId) fresh.push({ ...asking, auditId })
    }
    if (fresh.length > 0) await writeAudits(parts, { stores, tx, fresh })
    return accepted
  })
}

async function writeAudits(
  { enqueuePlan, enqueueBatches }: AcceptParts,
  { stores, tx, fresh }: { stores: Stores; tx: Database; fresh: readonly (AcceptInput & { auditId: string })[] },
): Promise<void> {
  const found = await checkRequests(
    stores,
    fresh.map(({ request, order }) => ({ request, requestedBy: order.requestedBy })),
  )
  const asked = fresh.map((one, i) => ({ ...one, snapshot: found[i] as ResolvedRequest }))
  await checkQuotas(stores, asked)
  const now = asked.filter(({ order, snapshot }) => !order.startsAt && fitsBatch(snapshot))
  const plans = await makePlans(
    stores,
    now.map(({ request: { params = {}, vantages = [] }, snapshot }) => ({ params, vantages, rules: [], snapshot })),
  )
  const planned = now.map(({ auditId }, i) => ({ auditId, plan: plans[i] as Plan }))
  const started = new Map(planned.map(({ auditId, plan }) => [auditId, plan]))
  await stores.audits.create(...asked.map((one) => ({ ...auditOf(one), started: started.get(one.auditId) })))
  await persistPlans(stores, planned, (vantage, jobs) => enqueueBatches(tx, vantage, jobs))
  // Whoever works plans the others, and ends those of which the plan was all.
  for (const { auditId, order } of asked)
    if (!started.get(auditId)?.batches) await enqueuePlan(tx, auditId, order.startsAt)
}

function auditOf({
  auditId,
  request,
  order,
  snapshot,
}: AcceptInput & { auditId: string; snapshot: ResolvedRequest }): NewAudit {
  const { params = {}, vantages = [], correlationId, reason, callbackUrl } = request
  const { trigger, requestedBy, now = new Date(), startsAt = now } = order
  const deadlineMs = (request.deadlineSeconds ?? deadlineSeconds.default) * 1000
  return {
    id: auditId,
    policyId: snapshot.policy.id,
    targetIds: snapshot.targets.map(({ id }) => id),
    ...{ params, vantages, correlationId, reason, callbackUrl, trigger, requestedBy },
    deadlineAt: new Date(startsAt.getTime() + deadlineMs),
  }
}

/** Before any vantage is known, a plan would find nobody who can look: the first worker makes it. */
const fitsBatch = (snapshot: ResolvedRequest) => snapshot.vantages.length > 0 && checksOf(snapshot) <= checksPerBatch

const checksOf = ({ policy, targets }: ResolvedRequest) => targets.length * policy.document.rules.length

const quotaRetrySeconds = 30

/** More requests than come at once. */
const manyAtOnce = 500

/** Counts one after the other what could be the last that fits; where many such audits at once would fit, nobody waits. */
async function checkQuotas(
  stores: Stores,
  asked: readonly (AcceptInput & { snapshot: ResolvedRequest })[],
): Promise<void> {
  const added = new Map<string, number>()
  for (const { order, snapshot } of asked) {
    const { quota, requestedBy } = order
    if (!quota) continue
    if (snapshot.targets.length > quota.targetsPerAudit) {
      const message = `these are ${snapshot.targets.length} targets, and an audit may have ${quota.targetsPerAudit}`
      throw new RefusedError([{ pointer: '/targets', message }])
    }
    const checks = checksOf(snapshot)
    const before = added.get(requestedBy) ?? 0
    added.set(requestedBy, before + checks)
    if (snapshot.checksInFlight + before + checks * manyAtOnce <= quota.checksInFlight) continue
    const underWay = before + (await stores.snapshot.lockChecksInFlight(requestedBy))
    if (underWay > 0 && underWay + checks > quota.checksInFlight)
      throw new QuotaError(
        `${underWay} checks of this key are under way, and this audit would make more than ${quota.checksInFlight} of them`,
        quotaRetrySeconds,
      )
  }
}
