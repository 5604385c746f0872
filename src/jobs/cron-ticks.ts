import { CronExpressionParser } from 'cron-parser'
import { readCron } from '../domain/schedules.ts'
import { instantsOf, offsetAt, wallTimeAt } from '../runtime/time-zone.ts'

/** No zone moves its clocks by more than a day. */
const reachMs = 26 * 3_600_000

/**
 * The next ticks of a cron expression (five fields) strictly after `from`, in a time zone of the IANA database. Throws an Error
 * for an expression that cannot be read or never ticks. A tick that the clocks skip comes as much later as they are set
 * forward. A time that they show twice ticks once, the first time; with `*` for the hour it ticks both times.
 */
export function nextTicks(cron: string, timeZone: string, { from, count }: { from: Date; count: number }): Date[] {
  const fields = readCron(cron)
  if (fields === undefined) throw new Error('it has not five fields')
  const fromMs = from.getTime()
  const everyHour = fields.split(' ')[1] === '*'
  const ticks = new Set<number>()
  // Clocks that are set back repeat earlier times.
  for (const wallMs of wallTimes(fields, wallTimeAt(timeZone, fromMs) - shiftNear(timeZone, fromMs))) {
    if (ticks.size >= count && isPast(wallMs, { timeZone, lastMs: nthOf(ticks, count) })) break
    const instants = instantsOf(timeZone, wallMs)
    for (const at of everyHour ? instants : instants.slice(0, 1)) if (at > fromMs) ticks.add(at)
  }
  return sorted(ticks)
    .slice(0, count)
    .map((at) => new Date(at))
}

/** Whether all wall times from `wallMs` follow `lastMs`. */
const isPast = (wallMs: number, { timeZone, lastMs }: { timeZone: string; lastMs: number }) =>
  wallMs > wallTimeAt(timeZone, lastMs) + shiftNear(timeZone, lastMs)

/** By how much the clocks of the zone are set within about a day of an instant; 0 on nearly all days. */
function shiftNear(timeZone: string, instantMs: number): number {
  const offsets = [-reachMs, 0, reachMs].map((ms) => offsetAt(timeZone, instantMs + ms))
  return Math.max(...offsets) - Math.min(...offsets)
}

const sorted = (ticks: Set<number>) => [...ticks].sort((a, b) => a - b)
const nthOf = (ticks: Set<number>, n: number) => sorted(ticks)[n - 1] ?? Number.POSITIVE_INFINITY

/** The wall times after a wall time, both as UTC. */
function* wallTimes(fields: string, afterMs: number): Generator<number> {
  const expression = CronExpressionParser.parse(fields, { tz: 'UTC', currentDate: new Date(afterMs) })
  for (;;) yield expression.next().getTime()
}
