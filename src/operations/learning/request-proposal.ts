import { v7 as newUuid } from 'uuid'
import { NotFoundError, QuotaError, RefusedError, type ValidationIssue } from '../../domain/errors.ts'
import { maxEndpoints, maxTargets, readPorts } from '../../domain/learning/discovery.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredTarget } from '../../store/inventory/targets.ts'
import type { KnownVantage } from '../../store/inventory/vantages.ts'
import type { StoredDiscovery } from '../../store/learning/discoveries.ts'
import type { Selection } from '../../store/query/selection.ts'
import type { Requester, View } from '../context.ts'
import { claimOnce } from '../idempotency.ts'
import { findDraftTargets } from '../policies/preview.ts'

export interface ProposalRequest {
  targets: Selection
  /** Default: all. */
  vantages?: string[]
  /** Ports and ranges. */
  ports: (number | string)[]
}

/** Proposals of one requester that are under way. */
export const proposalsInFlight = 4
const retrySeconds = 10
/** From the request on. */
const deadlineMs = 15 * 60_000

/** Queues the probing for a proposal, for each vantage. Throws RefusedError and QuotaError. */
export async function requestProposal(
  { transaction, now }: Pick<View, 'transaction' | 'now'>,
  request: ProposalRequest,
  { actor, idempotencyKey }: Requester,
): Promise<StoredDiscovery[]> {
  return transaction(async (tx) => {
    const id = newUuid()
    const claimed = await claimOnce(tx, { actor, idempotencyKey }, { request, resource: id })
    if (claimed !== id) return findProposal(tx, claimed)
    const ports = request.ports.map(String)
    const count = checkPorts(ports)
    const targets = await findDraftTargets(tx, request.targets)
    const vantages = await findVantages(tx, request.vantages)
    checkSize({ ports: count, targets, vantages })
    if ((await tx.discoveries.lockInFlight(actor)) >= proposalsInFlight)
      throw new QuotaError(`${proposalsInFlight} proposals of this key are under way`, retrySeconds, 'proposals')
    const deadlineAt = new Date(now().getTime() + deadlineMs)
    const shown = targets.map(({ name, address }) => ({ name, address }))
    await tx.discoveries.create(
      vantages.map(({ name, zones }) => ({
        ...{ id, vantage: name, zones: [...zones], targets: shown, ports, requestedBy: actor, deadlineAt },
      })),
    )
    return findProposal(tx, id)
  })
}

/** The parts of a proposal. Throws NotFoundError. */
export async function findProposal(stores: Stores, id: string): Promise<StoredDiscovery[]> {
  const parts = await stores.discoveries.find(id)
  if (parts.length === 0) throw new NotFoundError(`there is no proposal ${id}`)
  return parts
}

const refuse = (pointer: ValidationIssue['pointer'], message: string) => new RefusedError([{ pointer, message }])

function checkPorts(texts: readonly string[]): number {
  const wrong = texts.findIndex((text) => !readPorts([text]))
  if (wrong >= 0) throw refuse(`/ports/${wrong}`, 'must be a port from 1 to 65535, or a range such as 8000-8100')
  return readPorts(texts)?.length ?? 0
}

async function findVantages(tx: Stores, names: readonly string[] | undefined): Promise<KnownVantage[]> {
  const known = await tx.vantages.list()
  if (known.length === 0) throw refuse('/vantages', 'there is no vantage: start a worker or an agent')
  const missing = names?.findIndex((name) => !known.some((one) => one.name === name)) ?? -1
  if (missing >= 0)
    throw refuse(`/vantages/${missing}`, `there is no vantage ${names?.[missing]}: GET /v1/vantages lists them`)
  return names ? known.filter(({ name }) => names.includes(name)) : known
}

function checkSize({ ports, targets, vantages }: { ports: number; targets: StoredTarget[]; vantages: KnownVantage[] }) {
  if (targets.length === 0) throw refuse('/targets', 'must select at least one target')
  if (targets.length > maxTargets)
    throw refuse('/targets', `must be at most ${maxTargets} targets: these are ${targets.length}`)
  const endpoints = targets.length * ports * vantages.length
  if (endpoints > maxEndpoints)
    throw refuse(
      '/ports',
      `must be fewer: ${endpoints} probes are more than ${maxEndpoints} (targets × ports × vantages)`,
    )
}
