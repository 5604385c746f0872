import { StaleError } from '../../domain/errors.ts'
import type { ScheduleInput, StoredSchedule } from '../../store/inventory/schedules.ts'
import type { Revision } from '../context.ts'
import { findSchedule, firstTick, recordSchedule, type ScheduleParts } from './schedule.ts'

/** Creates a schedule or replaces all its fields. Throws StaleError where the schedule is not the expected one. */
export async function replaceSchedule(
  parts: ScheduleParts,
  input: ScheduleInput,
  { actor, isExpected }: Revision,
): Promise<{ schedule: StoredSchedule; created: boolean }> {
  const current = await parts.stores.schedules.find(input.name)
  if (!isExpected(current)) throw new StaleError()
  if (current) return { schedule: await change(parts, current, { input, actor }), created: false }
  const now = parts.now()
  await parts.scheduler.check(parts.stores, input, now)
  const more = { requestedBy: actor, nextAt: firstTick(parts, input, now) }
  const schedule = await parts.transaction(async (tx) => {
    const created = await tx.schedules.create(input, more)
    if (!created) throw new StaleError()
    recordSchedule(tx, actor, 'schedule.create', input)
    return created
  })
  return { schedule, created: true }
}

type Fields = Omit<ScheduleInput, 'name'>

/** Changes fields. Throws NotFoundError, or StaleError where the schedule is not the expected one. */
export async function updateSchedule(
  parts: ScheduleParts,
  { name, change: changeFields }: { name: string; change: (fields: Fields) => Fields },
  { actor, isExpected }: Revision,
): Promise<StoredSchedule> {
  const current = await findSchedule(parts.stores, name)
  if (!isExpected(current)) throw new StaleError()
  const { name: _, ...fields } = inputOf(current)
  return change(parts, current, { input: { ...changeFields(fields), name }, actor })
}

/** Writes a change; ticks that were due before it are decided by the old fields. */
async function change(
  parts: ScheduleParts,
  current: StoredSchedule,
  { input, actor }: { input: ScheduleInput; actor: string },
): Promise<StoredSchedule> {
  const { stores, scheduler } = parts
  const now = parts.now()
  await scheduler.check(stores.within(current.targetScope), input, now)
  await scheduler.settle(current.id, now)
  const keepsTimes =
    current.enabled === input.enabled && current.cron === input.cron && current.timeZone === input.timeZone
  const nextAt = keepsTimes
    ? ((await stores.schedules.find(current.name))?.nextAt ?? null)
    : firstTick(parts, input, now)
  return parts.transaction(async (tx) => {
    const more = { requestedBy: actor, nextAt, version: current.version }
    const saved = await tx.schedules.replace(current.id, input, more)
    if (!saved) throw new StaleError()
    recordSchedule(tx, actor, 'schedule.change', input)
    return saved
  })
}

export const inputOf = (schedule: StoredSchedule): ScheduleInput => ({
  name: schedule.name,
  cron: schedule.cron,
  timeZone: schedule.timeZone,
  audit: schedule.audit,
  jitterSeconds: schedule.jitterSeconds,
  overlap: schedule.overlap,
  missed: schedule.missed,
  enabled: schedule.enabled,
})
