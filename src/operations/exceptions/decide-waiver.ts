import { ConflictError, ForbiddenError } from '../../domain/errors.ts'
import { waiverState } from '../../domain/exceptions/waivers.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredWaiver } from '../../store/exceptions/waivers.ts'
import type { View } from '../context.ts'
import { findWaiver } from './waiver.ts'

interface Decision {
  id: string
  actor: string
  now: Date
}

/** Approves a waiver. Throws ForbiddenError for its requester, and ConflictError where it is not requested any more. */
export async function approveWaiver(view: View, { id, actor, now }: Decision): Promise<StoredWaiver> {
  const { requestedBy } = await findWaiver(view.stores, id)
  if (requestedBy === actor) throw new ForbiddenError('the requester of a waiver cannot approve it: use another key')
  await view.transaction(async (tx) => {
    if (!(await tx.waivers.approve(id, actor, now))) throw await conflictOf(tx, id, now)
    tx.ledger.record({ actor, action: 'waiver.approve', subject: id, payload: {} })
  })
  return findWaiver(view.stores, id)
}

/** Revokes a waiver. Throws ConflictError where it has ended already. */
export async function revokeWaiver(view: View, { id, actor, now }: Decision): Promise<StoredWaiver> {
  await findWaiver(view.stores, id)
  await view.transaction(async (tx) => {
    if (!(await tx.waivers.revoke(id, actor, now))) throw await conflictOf(tx, id, now)
    tx.ledger.record({ actor, action: 'waiver.revoke', subject: id, payload: {} })
  })
  return findWaiver(view.stores, id)
}

const conflictOf = async (tx: Stores, id: string, now: Date) =>
  new ConflictError(`the waiver is ${waiverState(await findWaiver(tx, id), now)} already`)
