import { ConflictError, NotFoundError } from '../../domain/errors.ts'
import type { View } from '../context.ts'
import { inputOf } from '../schedules/change.ts'
import { recordSchedule } from '../schedules/schedule.ts'

/**
 * Revokes a key for ever, ends its sessions, and pauses the schedules that it changed last; a change by another key resumes them.
 * Throws NotFoundError, and ConflictError for the requester's own key.
 */
export async function revokeKey(
  { stores, transaction }: View,
  id: string,
  { actor, reason }: { actor: string; reason?: string | undefined },
): Promise<void> {
  if (id === actor) throw new ConflictError('a key cannot revoke itself: use another admin key')
  if (!(await stores.keys.find(id))) throw new NotFoundError(`there is no key ${id}`)
  await transaction(async (tx) => {
    if (!(await tx.keys.revoke(id))) return
    await tx.sessions.endOf(id)
    const paused = await tx.schedules.pauseOf(id)
    tx.ledger.record({
      actor,
      action: 'key.revoke',
      subject: id,
      payload: { schedules: paused.map(({ name }) => name), reason },
    })
    for (const schedule of paused) recordSchedule(tx, actor, 'schedule.change', inputOf(schedule))
  })
}
