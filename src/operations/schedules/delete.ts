import { publishDeletion } from './record-runs.ts'
import { findSchedule, type ScheduleParts } from './schedule.ts'

/** Deletes a schedule after its due ticks are decided; their outcomes stay. Throws NotFoundError. */
export async function deleteSchedule(parts: ScheduleParts, name: string, actor: string): Promise<void> {
  const schedule = await findSchedule(parts.stores, name)
  await parts.scheduler.settle(schedule.id, parts.now())
  await parts.transaction(async (tx) => {
    await publishDeletion(tx, schedule)
    await tx.schedules.remove(schedule.id)
    tx.ledger.record({ actor, action: 'schedule.delete', subject: name, payload: {} })
  })
}
