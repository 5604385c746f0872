import { findSchedule, type ScheduleParts } from './schedule.ts'

/** Deletes a schedule after its due ticks are decided; their outcomes stay. Throws NotFoundError. */
export async function deleteSchedule(parts: ScheduleParts, name: string, actor: string): Promise<void> {
  const { id } = await findSchedule(parts.stores, name)
  await parts.scheduler.settle(id, parts.now())
  await parts.transaction(async (tx) => {
    await tx.schedules.remove(id)
    tx.ledger.record({ actor, action: 'schedule.delete', subject: name, payload: {} })
  })
}
