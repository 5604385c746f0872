import { NotFoundError } from '../../domain/errors.ts'
import type { LedgerAction } from '../../domain/ledger.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { ScheduleInput, StoredSchedule } from '../../store/inventory/schedules.ts'
import type { View } from '../context.ts'
import type { Scheduler } from './tick.ts'

/** What changes of schedules work with. */
export interface ScheduleParts extends View {
  scheduler: Pick<Scheduler, 'check' | 'next' | 'settle'>
}

/** Throws NotFoundError where there is no schedule of this name. */
export async function findSchedule(stores: Stores, name: string): Promise<StoredSchedule> {
  const schedule = await stores.schedules.find(name)
  if (!schedule) throw new NotFoundError(`there is no schedule ${name}`)
  return schedule
}

/** The next tick; null while the schedule is paused. */
export const firstTick = ({ scheduler }: ScheduleParts, input: ScheduleInput, now: Date): Date | null =>
  input.enabled ? (scheduler.next(input, now, 1)[0] ?? null) : null

export function recordSchedule(tx: Stores, actor: string, action: LedgerAction, input: ScheduleInput): void {
  tx.ledger.record({ actor, action, subject: input.name, payload: input })
}
