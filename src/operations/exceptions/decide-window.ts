import { ConflictError, ForbiddenError, NotFoundError } from '../../domain/errors.ts'
import { windowState } from '../../domain/exceptions/windows.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredWindow } from '../../store/exceptions/windows.ts'
import type { Parts } from '../context.ts'

type WindowParts = Pick<Parts, 'transaction' | 'enqueueReprobe'>

interface Decision {
  id: string
  actor: string
  now: Date
}

/**
 * Approves a window and queues the reprobe at its end. Throws NotFoundError, ForbiddenError for its requester (unless the policy
 * allows self-approval), and ConflictError where it is not requested any more.
 */
export async function approveWindow(
  { transaction, enqueueReprobe }: WindowParts,
  { id, actor, now }: Decision,
): Promise<void> {
  await transaction(async (tx, database) => {
    const window = await lockWindow(tx, id)
    if (window.requestedBy === actor && !(await allowsSelfApproval(tx, window)))
      throw new ForbiddenError('the requester of a window cannot approve it: use another key')
    const state = windowState(window, now)
    if (state !== 'requested') throw new ConflictError(`the window is ${state}: only a requested one can be approved`)
    await tx.windows.approve(id, actor, now)
    tx.ledger.record({ actor, action: 'window.approve', subject: id, payload: {} })
    await enqueueReprobe(database, { windowId: id, reprobe: 0 }, window.to)
  })
}

/** Ends a window early; an open one is reprobed now. Throws NotFoundError, and ConflictError where it has ended. */
export async function cancelWindow(
  { transaction, enqueueReprobe }: WindowParts,
  { id, actor, now }: Decision,
): Promise<void> {
  await transaction(async (tx, database) => {
    const state = windowState(await lockWindow(tx, id), now)
    if (state !== 'requested' && state !== 'approved' && state !== 'open')
      throw new ConflictError(`the window is ${state} already`)
    await tx.windows.cancel(id, actor, now)
    tx.ledger.record({ actor, action: 'window.cancel', subject: id, payload: {} })
    if (state === 'open') await enqueueReprobe(database, { windowId: id, reprobe: 0 }, now)
  })
}

async function lockWindow(tx: Stores, id: string): Promise<StoredWindow> {
  const window = await tx.windows.lock(id)
  if (!window) throw new NotFoundError(`there is no window ${id}`)
  return window
}

const allowsSelfApproval = async (stores: Stores, { policy }: StoredWindow) =>
  (await stores.policies.find(policy))?.document.windows?.selfApproval === true
