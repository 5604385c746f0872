import { createHash } from 'node:crypto'

/** What a tick does while an earlier audit runs. */
export const overlapPolicies = ['skip', 'queue'] as const
export type OverlapPolicy = (typeof overlapPolicies)[number]

/** What happens to ticks during downtime. */
export const missedPolicies = ['once', 'skip'] as const
export type MissedPolicy = (typeof missedPolicies)[number]

/** Only `audit` and `caught-up` have an audit. */
export const runOutcomes = ['audit', 'caught-up', 'waiting', 'skipped', 'missed', 'refused'] as const
export type RunOutcome = (typeof runOutcomes)[number]

/** Whether a tick was decided and has no audit. */
export const hasNoAudit = (outcome: RunOutcome): boolean => ['skipped', 'missed', 'refused'].includes(outcome)

/** The allowed delay of a tick: polls come every minute. */
export const onTimeMs = 120_000

export interface TickDecision {
  dueAt: Date
  /** `catch-up` replaces all earlier missed ticks. */
  kind: 'run' | 'catch-up' | 'missed'
}

/** Decides due ticks, oldest first: runs those on time, and catches up at most the last missed one. */
export function decideTicks(
  due: readonly Date[],
  { now, missed }: { now: Date; missed: MissedPolicy },
): TickDecision[] {
  const isOnTime = (dueAt: Date) => now.getTime() - dueAt.getTime() <= onTimeMs
  const newest = due.at(-1)
  const catchUp = missed === 'once' && newest !== undefined && !isOnTime(newest) ? newest : undefined
  return due.map((dueAt) => ({ dueAt, kind: isOnTime(dueAt) ? 'run' : dueAt === catchUp ? 'catch-up' : 'missed' }))
}

/** The deterministic delay of a tick, in milliseconds. */
export function jitterMs(schedule: string, dueAt: Date, jitterSeconds: number): number {
  const hash = createHash('sha256').update(`${schedule} ${dueAt.toISOString()}`).digest()
  return hash.readUInt32BE() % (jitterSeconds * 1000 + 1)
}

const nicknames: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

// The parser accepts any letters, and H as random number.
const field = String.raw`(?:\*|\?|L|[0-9]{1,2}|[A-Za-z]{3})(?:[-/#,L](?:\*|[0-9]{0,3}|[A-Za-z]{3}))*`
const fiveFields = new RegExp(`^${field}(?: ${field}){4}$`)

/**
 * The five fields of a cron expression, as crontab(5) has them: blanks may surround and separate fields, `@daily` and the like
 * are taken, and 7 is Sunday too. Undefined for anything else; the cron parser checks the values of the fields.
 */
export function readCron(text: string): string | undefined {
  const trimmed = text.trim()
  const fields = (nicknames[trimmed.toLowerCase()] ?? trimmed).split(/[ \t]+/)
  const [daysOfWeek = ''] = fields.splice(4, 1)
  const cron = [...fields.slice(0, 4), sundayIsZero(daysOfWeek), ...fields.slice(4)].join(' ')
  return fiveFields.test(cron) ? cron : undefined
}

/** The cron parser takes 7 for Sunday, but neither beside 0 nor at the end of a range. */
function sundayIsZero(daysOfWeek: string): string {
  const parts = daysOfWeek.split(',').flatMap((part) => {
    const from = /^([0-6])-7$/.exec(part)?.[1]
    if (from === '0') return ['*']
    if (from !== undefined) return [from === '6' ? '6' : `${from}-6`, '0']
    return [part.replace(/^7(?=$|[#L])/, '0')]
  })
  return [...new Set(parts)].join(',')
}

/** A point in time as RFC 3339 in a time zone: `2026-11-22T02:30:00+01:00`. Seconds are the smallest unit. */
export function inTimeZone(at: Date, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'longOffset',
  }).formatToParts(at)
  const part = (wanted: string) => parts.find(({ type }) => type === wanted)?.value ?? ''
  const offset = part('timeZoneName').slice('GMT'.length) || '+00:00'
  return `${part('year')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}${offset}`
}

/** Whether it is an IANA time zone, such as `Europe/Berlin`. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
