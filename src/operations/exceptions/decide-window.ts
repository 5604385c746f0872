import { ConflictError, NotFoundError } from '../../domain/errors.ts'
import { windowState } from '../../domain/exceptions/windows.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredWindow } from '../../store/exceptions/windows.ts'
import type { Parts } from '../context.ts'
import { checkDecision, type Decision, recordDecision } from './decisions.ts'

type WindowParts = Pick<Parts, 'transaction' | 'enqueueReprobe'>

/**
 * Approves a window and queues the reprobe at its end. Throws NotFoundError, ForbiddenError for its requester (unless the policy
 * allows self-approval), and ConflictError where it is not requested any more.
 */
export async function approveWindow({ transaction, enqueueReprobe }: WindowParts, decision: Decision): Promise<void> {
  const { id, actor, now, reason = null } = decision
  await transaction(async (tx, database) => {
    const request = await lockWindow(tx, id)
    await checkDecision(tx, decision, { kind: 'window', state: windowState(request, now), request })
    await tx.windows.approve(id, actor, now, reason)
    await recordDecision(tx, 'window.approve', decision)
    await enqueueReprobe(database, { windowId: id, reprobe: 0 }, request.to)
  })
}

/** Rejects a window for ever; throws like an approval. */
export async function rejectWindow(
  { transaction }: Pick<WindowParts, 'transaction'>,
  decision: Decision & { reason: string },
): Promise<void> {
  const { id, actor, now, reason } = decision
  await transaction(async (tx) => {
    const request = await lockWindow(tx, id)
    await checkDecision(tx, decision, { kind: 'window', state: windowState(request, now), request })
    await tx.windows.reject(id, actor, now, reason)
    await recordDecision(tx, 'window.reject', decision)
  })
}

/** Ends a window early; an open one is reprobed now. Throws NotFoundError, and ConflictError where it has ended. */
export async function cancelWindow(
  { transaction, enqueueReprobe }: WindowParts,
  { id, actor, now, reason }: Decision,
): Promise<void> {
  await transaction(async (tx, database) => {
    const state = windowState(await lockWindow(tx, id), now)
    if (state !== 'requested' && state !== 'approved' && state !== 'open')
      throw new ConflictError(`the window is ${state} already`)
    await tx.windows.cancel(id, actor, now)
    tx.ledger.record({ actor, action: 'window.cancel', subject: id, payload: { reason } })
    if (state === 'open') await enqueueReprobe(database, { windowId: id, reprobe: 0 }, now)
  })
}

async function lockWindow(tx: Stores, id: string): Promise<StoredWindow> {
  const window = await tx.windows.lock(id)
  if (!window) throw new NotFoundError(`there is no window ${id}`)
  return window
}
