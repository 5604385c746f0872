import { ConflictError, NotFoundError, RefusedError, type ValidationIssue } from '../../domain/errors.ts'
import { describeHostFor, isHost } from '../../domain/findings/endpoint.ts'
import type { LedgerAction } from '../../domain/ledger.ts'
import { describeAmbiguous, describeReference, type TargetReference } from '../../domain/targets.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredTarget, Target } from '../../store/inventory/targets.ts'

/** Throws NotFoundError where a reference stands for no live target, and ConflictError where it stands for several. */
export async function findTarget(stores: Stores, reference: TargetReference): Promise<StoredTarget> {
  const found =
    typeof reference === 'string' ? [await stores.targets.find(reference)] : await stores.targets.select([reference])
  return onlyOf(
    reference,
    found.filter((one) => one !== undefined),
  )
}

/** The same, also of retired targets; a live one comes first. */
export async function findAnyTarget(stores: Stores, reference: TargetReference): Promise<StoredTarget> {
  if (typeof reference === 'string')
    return onlyOf(
      reference,
      [await stores.targets.findAny(reference)].filter((one) => one !== undefined),
    )
  const live = await stores.targets.select([reference])
  return onlyOf(reference, live.length > 0 ? live : await stores.targets.findRetired(reference.externalId))
}

function onlyOf(reference: TargetReference, found: readonly StoredTarget[]): StoredTarget {
  const [target] = found
  if (!target) throw new NotFoundError(`there is no ${describeReference(reference)}`)
  if (found.length > 1) throw new ConflictError(issueOf(reference, found) ?? '')
  return target
}

/** Why a reference in a request does not stand for one target; undefined where it does. */
export function issueOf(reference: TargetReference, found: readonly { name: string }[]): string | undefined {
  if (found.length === 0) return `there is no ${describeReference(reference)}: GET /v1/targets lists them`
  if (found.length === 1 || typeof reference === 'string') return undefined
  return describeAmbiguous(
    reference.externalId,
    found.map(({ name }) => name),
  )
}

export const invalidAddress = (address: string): ValidationIssue => ({
  pointer: '/address',
  message: `must be ${describeHostFor(address)}`,
})

export function checkAddress(address: string): void {
  if (!isHost(address)) throw new RefusedError([invalidAddress(address)])
}

/** A target without what only this service needs of it. */
export const showTarget = ({ id: _id, version: _version, ...target }: StoredTarget): Target => target

export function recordTarget(tx: Stores, actor: string, action: LedgerAction, target: StoredTarget): void {
  tx.ledger.record({ actor, action, subject: target.name, payload: showTarget(target) })
}
