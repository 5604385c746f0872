import { v7 as newUuid } from 'uuid'
import { digest } from '../domain/canonical.ts'
import { QuotaError, RefusedError } from '../domain/errors.ts'
import type { Limits } from '../domain/limits.ts'
import type { NewAudit } from '../store/audits.ts'
import type { Stores } from '../store/stores.ts'
import type { TargetInput } from '../store/targets.ts'
import { type Asked, checkRequest } from './check-request.ts'
import type { Parts } from './parts.ts'
import { carryOut, checksPerBatch, makePlan } from './plan.ts'

/** What a caller asks for. `targets`: names, targets to create or update, or a label selector. */
export interface AuditRequest {
  /** `name` for the newest version, `name@3` for that one. */
  policy: string
  targets: (string | TargetInput)[] | { labels: Record<string, string> }
  params?: Record<string, unknown>
  vantages?: string[]
  correlationId?: string
  reason?: string
  callbackUrl?: string
  /** After how many seconds it ends at the latest; default: an hour. */
  deadlineSeconds?: number
}

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

/**
 * Accepts an audit: everything is checked first, then the audit is written in one transaction with the jobs that look, if a
 * batch can hold it; else with the job that plans it.
 * The same idempotency key with the same request answers the audit that it made; with another one it is refused.
 * Throws RefusedError with every mistake that it found, and QuotaError for more than the quota; nothing is written then.
 */
export async function acceptAudit(
  { transaction, enqueuePlan, enqueueBatches }: AcceptParts,
  request: AuditRequest,
  order: Order,
): Promise<{ auditId: string; created: boolean }> {
  return transaction(async (stores, tx) => {
    const auditId = newUuid()
    const made = await claimOnce(stores, { ...order, request, resource: auditId })
    if (made !== auditId) return { auditId: made, created: false }
    const asked = await checkRequest(stores, request, order.requestedBy)
    await checkQuota(stores, order, asked)
    const { params = {}, vantages = [], correlationId, reason, callbackUrl } = request
    const { trigger, requestedBy, now = new Date(), startsAt } = order
    const deadlineMs = (request.deadlineSeconds ?? deadlineSeconds.default) * 1000
    const audit: NewAudit = {
      id: auditId,
      policyId: asked.policy.id,
      targetIds: asked.targets.map(({ id }) => id),
      ...{ params, vantages, correlationId, reason, callbackUrl, trigger, requestedBy },
      deadlineAt: new Date((startsAt ?? now).getTime() + deadlineMs),
    }
    const plan =
      !startsAt && fitsBatch(asked) ? await makePlan(stores, { params, vantages, rules: [] }, asked) : undefined
    await stores.audits.create(audit, plan)
    if (plan) await carryOut(stores, { auditId, plan }, (vantage, jobs) => enqueueBatches(tx, vantage, jobs))
    // Whoever works plans it, or ends it where the plan was all.
    if (!plan?.batches) await enqueuePlan(tx, auditId, startsAt)
    return { auditId, created: true }
  })
}

/** Before any vantage is known, a plan would find nobody who can look: the first worker makes it. */
const fitsBatch = ({ policy, targets, vantages }: Asked) =>
  vantages.length > 0 && checksOf({ policy, targets }) <= checksPerBatch

const checksOf = ({ policy, targets }: Pick<Asked, 'policy' | 'targets'>) =>
  targets.length * policy.document.rules.length

const quotaRetrySeconds = 30

/** More requests than come at once. */
const manyAtOnce = 500

/** Counts one after the other what could be the last that fits; where many such audits at once would fit, nobody waits. */
async function checkQuota({ basis }: Stores, { quota, requestedBy }: Order, asked: Asked): Promise<void> {
  if (!quota) return
  const { targets } = asked
  if (targets.length > quota.targetsPerAudit) {
    const message = `these are ${targets.length} targets, and an audit may have ${quota.targetsPerAudit}`
    throw new RefusedError([{ pointer: '/targets', message }])
  }
  const checks = checksOf(asked)
  if (asked.checksInFlight + checks * manyAtOnce <= quota.checksInFlight) return
  const checksInFlight = await basis.lockChecksInFlight(requestedBy)
  if (checksInFlight === 0 || checksInFlight + checks <= quota.checksInFlight) return
  throw new QuotaError(
    `${checksInFlight} checks of this key are under way, and this audit would make more than ${quota.checksInFlight} of them`,
    quotaRetrySeconds,
  )
}

/**
 * Claims an Idempotency-Key for what a request makes, in the transaction that makes it. Answers what the key stands for:
 * the given resource, or the one that the same request made before. Throws RefusedError where another request used the key.
 */
export async function claimOnce(
  stores: Stores,
  { idempotencyKey, requestedBy, request, resource }: Omit<Order, 'trigger'> & { request: unknown; resource: string },
): Promise<string> {
  if (idempotencyKey === undefined) return resource
  const bodyDigest = digest(request)
  const earlier = await stores.idempotency.claim({ apiKeyId: requestedBy, key: idempotencyKey, bodyDigest, resource })
  if (earlier && earlier.bodyDigest !== bodyDigest) {
    throw new RefusedError([{ pointer: '', message: 'this Idempotency-Key was used with another request' }])
  }
  return earlier?.resource ?? resource
}
