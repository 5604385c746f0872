import { v7 as newUuid } from 'uuid'
import { digest } from '../domain/canonical.ts'
import { isHost } from '../domain/endpoint.ts'
import { type Mistake, QuotaError, RefusedError } from '../domain/errors.ts'
import type { Limits } from '../domain/limits.ts'
import { resolveParameters } from '../domain/parameters.ts'
import type { Database } from '../store/database.ts'
import type { Stores, Transact } from '../store/stores.ts'
import type { StoredTarget, TargetInput } from '../store/targets.ts'

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
  /** When it is to be planned, from where its deadline is counted; default: now. */
  startsAt?: Date
}

export interface AcceptParts {
  transaction: Transact
  enqueuePlan(tx: Database, auditId: string): Promise<void>
}

/**
 * Accepts an audit: everything is checked first, then the audit and the job that plans it are written in one transaction.
 * The same idempotency key with the same request answers the audit that it made; with another one it is refused.
 * Throws RefusedError with every mistake that it found, and QuotaError for more than the quota; nothing is written then.
 */
export async function acceptAudit(
  { transaction, enqueuePlan }: AcceptParts,
  request: AuditRequest,
  order: Order,
): Promise<{ auditId: string; created: boolean }> {
  return transaction(async (stores, tx) => {
    const auditId = newUuid()
    const made = await claimOnce(stores, { ...order, request, resource: auditId })
    if (made !== auditId) return { auditId: made, created: false }
    const { policyId, targetIds, rules } = await checkRequest(stores, request, order.requestedBy)
    await checkQuota(stores, order, { targets: targetIds.length, checks: targetIds.length * rules })
    const { params = {}, vantages = [], correlationId, reason, callbackUrl } = request
    const { trigger, requestedBy, startsAt = new Date() } = order
    const deadlineAt = new Date(startsAt.getTime() + (request.deadlineSeconds ?? deadlineSeconds.default) * 1000)
    await stores.audits.create({
      id: auditId,
      policyId,
      targetIds,
      params,
      vantages,
      correlationId,
      reason,
      callbackUrl,
      trigger,
      requestedBy,
      deadlineAt,
    })
    await enqueuePlan(tx, auditId)
    return { auditId, created: true }
  })
}

const quotaRetrySeconds = 30

/** Two requests at once can both be the last that fits: the quota keeps one caller from filling the queue, and counts no money. */
async function checkQuota(
  { audits }: Stores,
  { quota, requestedBy }: Order,
  more: { targets: number; checks: number },
): Promise<void> {
  if (!quota) return
  if (more.targets > quota.targetsPerAudit) {
    const message = `these are ${more.targets} targets, and an audit may have ${quota.targetsPerAudit}`
    throw new RefusedError([{ pointer: '/targets', message }])
  }
  const underWay = await audits.countChecksInFlight(requestedBy)
  if (underWay === 0 || underWay + more.checks <= quota.checksInFlight) return
  throw new QuotaError(
    `${underWay} checks of this key are under way, and this audit would make more than ${quota.checksInFlight} of them`,
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

/** Checks what an audit is asked to do; throws RefusedError with every mistake. Targets that are given whole are saved. */
export async function checkRequest(
  stores: Stores,
  request: AuditRequest,
  requestedBy = 'system',
): Promise<{ policyId: number; targetIds: number[]; rules: number }> {
  const [name = '', version] = request.policy.split('@')
  const policy = await stores.policies.find(name, version === undefined ? undefined : Number(version))
  if (!policy)
    throw new RefusedError([
      { pointer: '/policy', message: `there is no policy ${request.policy}: GET /v1/policies lists them` },
    ])

  const targets = await findTargets(stores, request.targets, requestedBy)
  const mistakes: Mistake[] = []
  const known = new Set((await stores.vantages.list()).map((vantage) => vantage.name))
  request.vantages?.forEach((vantage, i) => {
    if (!known.has(vantage)) mistakes.push({ pointer: `/vantages/${i}`, message: `there is no vantage ${vantage}` })
  })
  const told = new Set<string>()
  for (const [i, target] of targets.entries()) {
    const resolved = resolveParameters(policy.document, { audit: request.params ?? {}, target: target.params })
    for (const { layer, parameter, message } of 'errors' in resolved ? resolved.errors : []) {
      if (layer === 'target') {
        const pointer = placeOfTarget(request.targets, i)
        mistakes.push({ pointer, message: `target ${target.name}: ${parameter} ${message}` })
      } else if (told.size < told.add(parameter).size) {
        mistakes.push({ pointer: `/params/${escapePointer(parameter)}`, message })
      }
    }
  }
  if (mistakes.length > 0) throw new RefusedError(mistakes)
  const { rules } = policy.document
  return { policyId: policy.id, targetIds: targets.map((target) => target.id), rules: rules.length }
}

// What is wrong with a target may be stored with it, and not said in the request: the target is named, not its field.
const placeOfTarget = (selection: AuditRequest['targets'], index: number) =>
  Array.isArray(selection) ? `/targets/${index}` : '/targets/labels'

const escapePointer = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1')

async function findTargets(
  stores: Stores,
  selection: AuditRequest['targets'],
  requestedBy: string,
): Promise<StoredTarget[]> {
  if (!Array.isArray(selection)) {
    const found = await stores.targets.findByLabels(selection.labels)
    if (found.length === 0)
      throw new RefusedError([{ pointer: '/targets/labels', message: 'no target has these labels' }])
    return found
  }
  const names = selection.map((target) => (typeof target === 'string' ? target : target.name))
  const inline = selection.filter((target) => typeof target !== 'string')
  const seen = new Set<string>()
  const mistakes = selection.flatMap((target, i): Mistake[] => {
    if (seen.size === seen.add(names[i] ?? '').size)
      return [{ pointer: `/targets/${i}`, message: `target ${names[i]} is named twice` }]
    const wrong = typeof target !== 'string' && !isHost(target.address)
    return wrong ? [{ pointer: `/targets/${i}/address`, message: 'must be an IP address or a host name' }] : []
  })
  if (mistakes.length > 0) throw new RefusedError(mistakes)
  if (inline.length > 0) await saveTargets(stores, inline, requestedBy)

  const found = new Map((await stores.targets.findByNames(names)).map((target) => [target.name, target]))
  const missing = names.flatMap((name, i) =>
    found.has(name) ? [] : [{ pointer: `/targets/${i}`, message: `there is no target ${name}` }],
  )
  if (missing.length > 0) throw new RefusedError(missing)
  return names.flatMap((name) => found.get(name) ?? [])
}

/** Saves targets and tells the ledger, in one entry, which of them changed. */
async function saveTargets(stores: Stores, targets: readonly TargetInput[], actor: string): Promise<void> {
  const names = new Set(await stores.targets.save(targets))
  if (names.size === 0) return
  const changed = targets.filter(({ name }) => names.has(name))
  const payload = { count: changed.length, digest: digest(changed), targets: changed.slice(0, shownTargets) }
  stores.ledger.record({ actor, action: 'targets.save', subject: 'targets', payload })
}

/** Of how many targets an entry of the ledger shows what they are; its digest is over all. */
const shownTargets = 20
