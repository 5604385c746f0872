import { v7 as newUuid } from 'uuid'
import { ConflictError } from '../../domain/errors.ts'
import type { ScheduleInput, StoredSchedule } from '../../store/inventory/schedules.ts'
import type { Requester } from '../context.ts'
import { claimOnce, goneSince } from '../idempotency.ts'
import { firstTick, recordSchedule, type ScheduleParts } from './schedule.ts'

/** Creates a schedule. Throws RefusedError with every issue, and ConflictError where the name is taken. */
export async function createSchedule(
  parts: ScheduleParts,
  input: ScheduleInput,
  requester: Requester,
): Promise<StoredSchedule> {
  const now = parts.now()
  await parts.scheduler.check(parts.stores, input, now)
  return parts.transaction(async (tx) => {
    const resource = newUuid()
    const isRepeated = (await claimOnce(tx, requester, { request: input, resource })) !== resource
    const more = { requestedBy: requester.actor, nextAt: firstTick(parts, input, now) }
    const schedule = isRepeated ? await tx.schedules.find(input.name) : await tx.schedules.create(input, more)
    if (!schedule && isRepeated) throw goneSince(`the schedule ${input.name}`)
    if (!schedule) throw new ConflictError(`there is a schedule ${input.name} already: PUT replaces it`)
    if (!isRepeated) recordSchedule(tx, requester.actor, 'schedule.create', input)
    return schedule
  })
}
