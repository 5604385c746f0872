import { RefusedError, type ValidationIssue } from '../../domain/errors.ts'
import { isTimeZone, readCron } from '../../domain/schedules.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { ScheduleInput } from '../../store/inventory/schedules.ts'
import { checkRequest } from '../audits/resolve-request.ts'

/** The ticks of a cron expression after a point in time; throws an Error for an invalid expression. */
export type NextTicks = (cron: string, timeZone: string, after: { from: Date; count: number }) => Date[]

/** Checks a schedule as each of its ticks will; throws RefusedError with every issue. */
export async function checkSchedule(
  stores: Stores,
  input: ScheduleInput,
  { now, nextTicks }: { now: Date; nextTicks: NextTicks },
): Promise<void> {
  const issues: ValidationIssue[] = [...checkTimes(nextTicks, input, now)]
  try {
    await checkRequest(stores, input.audit)
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    issues.push(...error.issues.map(({ pointer, message }) => ({ pointer: `/audit${pointer}`, message })))
  }
  if (issues.length > 0) throw new RefusedError(issues)
}

interface TickRequest extends CronTimes {
  count: number
  /** RFC 3339; default: now. */
  from?: string | undefined
}

/** The next ticks of a cron expression; throws RefusedError where it or the time zone is invalid. */
export function previewTicks(nextTicks: NextTicks, { cron, timeZone, count, from }: TickRequest, now: Date): Date[] {
  const issues = checkTimes(nextTicks, { cron, timeZone }, now)
  if (issues.length > 0) throw new RefusedError(issues)
  return nextTicks(cron, timeZone, { from: from === undefined ? now : new Date(from), count })
}

type CronTimes = Pick<ScheduleInput, 'cron' | 'timeZone'>

function checkTimes(nextTicks: NextTicks, { cron, timeZone }: CronTimes, now: Date): ValidationIssue[] {
  if (!isTimeZone(timeZone))
    return [{ pointer: '/timeZone', message: 'must be a time zone of the IANA database, such as Europe/Berlin' }]
  const readable = 'must be five fields of cron, without seconds: minute, hour, day, month, day of the week'
  if (readCron(cron) === undefined) return [{ pointer: '/cron', message: readable }]
  try {
    nextTicks(cron, timeZone, { from: now, count: 1 })
    return []
  } catch (error) {
    return [{ pointer: '/cron', message: `${readable}: ${error instanceof Error ? error.message : error}` }]
  }
}
