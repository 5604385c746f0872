import { ConflictError } from '../../domain/errors.ts'
import { waiverState } from '../../domain/exceptions/waivers.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredWaiver } from '../../store/exceptions/waivers.ts'
import type { View } from '../context.ts'
import { checkDecision, type Decision, recordDecision } from './decisions.ts'
import { findWaiver } from './waiver.ts'

/**
 * Approves a waiver. Throws NotFoundError, ForbiddenError for its requester, and ConflictError where it is not requested any more.
 */
export function approveWaiver(view: View, decision: Decision): Promise<StoredWaiver> {
  const { id, actor, now, reason = null } = decision
  return decide(view, decision, {
    action: 'waiver.approve',
    write: (tx) => tx.waivers.approve(id, actor, now, reason),
  })
}

/** Rejects a waiver for ever; throws like an approval. */
export function rejectWaiver(view: View, decision: Decision & { reason: string }): Promise<StoredWaiver> {
  const { id, actor, now, reason } = decision
  return decide(view, decision, {
    action: 'waiver.reject',
    write: (tx) => tx.waivers.reject(id, actor, now, reason),
  })
}

/** `write` returns false where another decision came first. */
async function decide(
  { stores, transaction }: View,
  decision: Decision,
  { action, write }: { action: 'waiver.approve' | 'waiver.reject'; write(tx: Stores): Promise<boolean> },
): Promise<StoredWaiver> {
  const { id, now } = decision
  await transaction(async (tx) => {
    const request = await findWaiver(tx, id)
    await checkDecision(tx, decision, { kind: 'waiver', state: waiverState(request, now), request })
    if (!(await write(tx))) throw await conflictOf(tx, id, now)
    await recordDecision(tx, action, decision)
  })
  return findWaiver(stores, id)
}

/** Revokes a waiver. Throws ConflictError where it has ended already. */
export async function revokeWaiver(view: View, { id, actor, now, reason }: Decision): Promise<StoredWaiver> {
  await findWaiver(view.stores, id)
  await view.transaction(async (tx) => {
    if (!(await tx.waivers.revoke(id, actor, now))) throw await conflictOf(tx, id, now)
    tx.ledger.record({ actor, action: 'waiver.revoke', subject: id, payload: { reason } })
  })
  return findWaiver(view.stores, id)
}

const conflictOf = async (tx: Stores, id: string, now: Date) =>
  new ConflictError(`the waiver is ${waiverState(await findWaiver(tx, id), now)} already`)
