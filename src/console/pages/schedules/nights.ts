import type { RunOutcome } from '../../../domain/schedules.ts'

const dayMs = 24 * 60 * 60 * 1000

export const outcomeNames: Readonly<Record<RunOutcome, string>> = {
  audit: 'Started',
  'caught-up': 'Caught up',
  waiting: 'Waiting',
  skipped: 'Skipped',
  missed: 'Missed',
  refused: 'Refused',
}
/** The worst first. */
const order: readonly RunOutcome[] = ['refused', 'missed', 'skipped', 'waiting', 'caught-up', 'audit']

export interface Run {
  dueAt: string
  outcome: RunOutcome
  reason: string | null
}

/** A day of the strip: its worst run, or none was due. */
export interface Night {
  /** `YYYY-MM-DD` in the zone of the schedule. */
  day: string
  run: Run | undefined
}

/** The last `count` days that end at a time, the oldest first, each with its worst run. */
export function nightsOf(runs: readonly Run[], timeZone: string, end: Date, count = 30): Night[] {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
  const byDay = Map.groupBy(
    runs.filter(({ dueAt }) => Date.parse(dueAt) <= end.getTime()),
    ({ dueAt }) => format.format(new Date(dueAt)),
  )
  const noon = Date.parse(`${format.format(end)}T12:00:00Z`) // steps of a day stay on their days
  return Array.from({ length: count }, (_, index) => {
    const day = new Date(noon - (count - 1 - index) * dayMs).toISOString().slice(0, 10)
    const ofDay = byDay.get(day) ?? []
    return { day, run: ofDay.toSorted((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome))[0] }
  })
}

/** "28 nights as planned, 1 missed, 1 refused". */
export function nightsText(nights: readonly Night[]): string {
  const outcomes = nights.flatMap(({ run }) => (run ? [run.outcome] : []))
  const ran = outcomes.filter((outcome) => outcome === 'audit' || outcome === 'caught-up').length
  const others = order
    .filter((outcome) => outcome !== 'audit' && outcome !== 'caught-up')
    .map((outcome) => [outcome, outcomes.filter((one) => one === outcome).length] as const)
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${count} ${outcomeNames[outcome].toLowerCase()}`)
  if (outcomes.length === 0) return 'no run yet'
  return [`${ran} of ${outcomes.length} ${outcomes.length === 1 ? 'day' : 'days'} ran`, ...others].join(', ')
}
