import { v7 as newUuid } from 'uuid'
import { ConflictError, ForbiddenError, QuotaError, RefusedError, type ValidationIssue } from '../../domain/errors.ts'
import { describeHostFor, isHost } from '../../domain/findings/endpoint.ts'
import type { TargetReference } from '../../domain/targets.ts'
import { describeFailure, type TraceFailure } from '../../domain/traces/trace.ts'
import { required } from '../../runtime/required.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredTrace } from '../../store/traces/traces.ts'
import type { Requester, View } from '../context.ts'
import { claimOnce } from '../idempotency.ts'
import { issueOf } from '../targets/target.ts'
import { findTrace } from './trace.ts'

/** A target, or a host that is none. */
export interface TraceRequest {
  target?: TargetReference
  host?: string
  port: number
  /** Default: a port that is open as far as known, or one of `commonPorts`. */
  comparePort?: number
  /** Default: the only one. */
  vantage?: string
}

/** Ports that many hosts open, for the comparison. */
export const commonPorts: readonly number[] = [443, 22, 80]

/** Traces of one requester that have no result yet. */
export const tracesInFlight = 20
const retrySeconds = 5

/** From the request on; a trace takes up to half a minute. */
const deadlineMs = 60_000

interface RequestParts extends Pick<View, 'transaction' | 'now'> {
  /** Why a vantage of this process would not trace an endpoint; undefined also for vantages of others. */
  refuseTrace(vantage: string, endpoint: { host: string; port: number }): TraceFailure | undefined
}

/**
 * Queues a trace for a vantage. Throws RefusedError, ForbiddenError for a host where the requester is limited to targets, ConflictError
 * where the vantage cannot trace, and QuotaError.
 */
export async function requestTrace(
  { transaction, now, refuseTrace }: RequestParts,
  request: TraceRequest,
  { actor, idempotencyKey, isLimited }: Requester & { isLimited: boolean },
): Promise<StoredTrace> {
  return transaction(async (tx) => {
    const id = newUuid()
    const claimed = await claimOnce(tx, { actor, idempotencyKey }, { request, resource: id })
    if (claimed !== id) return findTrace(tx, claimed)
    if (isLimited && request.host !== undefined)
      throw new ForbiddenError('the key is limited to targets with its labels: name a target instead of a host')
    const { target, host } = await findHost(tx, request)
    const vantage = await findVantage(tx, request.vantage)
    const { port, comparePort } = request
    const refusal = refuseTrace(vantage, { host, port })
    if (refusal === 'trace-not-supported') throw new ConflictError(describeFailure(refusal).message)
    if (refusal)
      throw new RefusedError([{ pointer: target ? '/target' : '/host', message: describeFailure(refusal).message }])
    if ((await tx.traces.lockInFlight(actor)) >= tracesInFlight)
      throw new QuotaError(`${tracesInFlight} traces of this key are under way`, retrySeconds, 'traces')
    const known = target ? await tx.traces.openPorts({ target, host, vantage }) : []
    const compare = comparePort === undefined ? [...new Set([...known, ...commonPorts])] : [comparePort]
    const deadlineAt = new Date(now().getTime() + deadlineMs)
    await tx.traces.create([
      { id, target, host, port, compare, vantage, auditId: null, requestedBy: actor, deadlineAt },
    ])
    return findTrace(tx, id)
  })
}

async function findHost(
  tx: Stores,
  { target: reference, host }: TraceRequest,
): Promise<{ target: string | null; host: string }> {
  if ((reference === undefined) === (host === undefined)) throw refuse('', 'must have either target or host')
  if (host !== undefined && !isHost(host)) throw refuse('/host', `must be ${describeHostFor(host)}`)
  if (reference === undefined) return { target: null, host: required(host, 'the host') }
  const found = await tx.targets.select([reference])
  const issue = issueOf(reference, found)
  if (issue !== undefined) throw refuse('/target', issue)
  const { name, address } = required(found[0], 'the target')
  return { target: name, host: address }
}

async function findVantage(tx: Stores, name: string | undefined): Promise<string> {
  const names = (await tx.vantages.list()).map((vantage) => vantage.name)
  const [only] = names
  if (name === undefined && only !== undefined && names.length === 1) return only
  if (name === undefined) throw refuse('/vantage', 'must name one of the vantages, which GET /v1/vantages lists')
  if (!names.includes(name)) throw refuse('/vantage', `there is no vantage ${name}: GET /v1/vantages lists them`)
  return name
}

const refuse = (pointer: ValidationIssue['pointer'], message: string) => new RefusedError([{ pointer, message }])
