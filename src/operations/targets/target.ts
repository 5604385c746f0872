import { NotFoundError, RefusedError, type ValidationIssue } from '../../domain/errors.ts'
import { describeHostFor, isHost } from '../../domain/findings/endpoint.ts'
import type { LedgerAction } from '../../domain/ledger.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredTarget, Target } from '../../store/inventory/targets.ts'

/** Throws NotFoundError where no live target has the name. */
export async function findTarget(stores: Stores, name: string): Promise<StoredTarget> {
  const target = await stores.targets.find(name)
  if (!target) throw new NotFoundError(`there is no target ${name}`)
  return target
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
