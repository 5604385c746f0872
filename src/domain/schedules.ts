import { createHash } from 'node:crypto'

/** What happens to a tick while the audit of an earlier one is still going. */
export const overlapPolicies = ['skip', 'queue'] as const
export type OverlapPolicy = (typeof overlapPolicies)[number]

/** What happens to ticks that came while nobody was there to take them. */
export const missedPolicies = ['once', 'skip'] as const
export type MissedPolicy = (typeof missedPolicies)[number]

/** What became of a tick: only `audit` and `caught-up` have an audit. */
export const runOutcomes = ['audit', 'caught-up', 'waiting', 'skipped', 'missed', 'refused'] as const
export type RunOutcome = (typeof runOutcomes)[number]

/** Whether a tick was decided and has no audit. */
export const hasNoAudit = (outcome: RunOutcome): boolean => ['skipped', 'missed', 'refused'].includes(outcome)

/** A tick that is taken within this time was not missed: the queue looks for ticks once a minute. */
export const onTimeMs = 120_000

export interface TickDecision {
  dueAt: Date
  /** `run` is on time, `catch-up` stands for all that were missed before it. */
  kind: 'run' | 'catch-up' | 'missed'
}

/** Decides about ticks that are due, oldest first: those on time run, and of the missed ones at the most the last is made good. */
export function decideTicks(
  due: readonly Date[],
  { now, missed }: { now: Date; missed: MissedPolicy },
): TickDecision[] {
  const isOnTime = (dueAt: Date) => now.getTime() - dueAt.getTime() <= onTimeMs
  const newest = due.at(-1)
  const catchUp = missed === 'once' && newest !== undefined && !isOnTime(newest) ? newest : undefined
  return due.map((dueAt) => ({ dueAt, kind: isOnTime(dueAt) ? 'run' : dueAt === catchUp ? 'catch-up' : 'missed' }))
}

/** How long a tick of a schedule is put off, in milliseconds: the same for the same tick, whoever asks. */
export function jitterMs(schedule: string, dueAt: Date, jitterSeconds: number): number {
  const hash = createHash('sha256').update(`${schedule} ${dueAt.toISOString()}`).digest()
  return hash.readUInt32BE() % (jitterSeconds * 1000 + 1)
}

// The walk of an expression takes letters for names of months and days, and H for a number that it makes up.
const field = String.raw`(?:\*|\?|L|[0-9]{1,2}|[A-Za-z]{3})(?:[-/#,L](?:\*|[0-9]{0,3}|[A-Za-z]{3}))*`
const fiveFields = new RegExp(`^${field}(?: ${field}){4}$`)

/** True for five fields, from minutes to days of the week; what they mean is for the reader of the expression to check. */
export const hasFiveFields = (cron: string): boolean => fiveFields.test(cron)

/** True for a name of the IANA time zone database, such as `Europe/Berlin`; offsets are none. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
