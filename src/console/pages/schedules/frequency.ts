/** How often a schedule is due, as the form offers it; `custom` is any other cron expression. */
export const frequencies = ['daily', 'weekdays', 'weekly', 'monthly', 'hourly', 'custom'] as const
export type Frequency = (typeof frequencies)[number]

export const frequencyNames: Readonly<Record<Frequency, string>> = {
  daily: 'Every day',
  weekdays: 'Mondays to Fridays',
  weekly: 'Once a week',
  monthly: 'Once a month',
  hourly: 'Every hour',
  custom: 'By a cron expression',
}

/** When a schedule is due, in parts. */
export interface Timing {
  frequency: Frequency
  /** `HH:MM`. */
  time: string
  /** 0 is Sunday. */
  weekday: string
  /** Of the month. */
  day: string
  /** The expression of `custom`. */
  cron: string
}

export const initialTiming: Timing = { frequency: 'daily', time: '02:30', weekday: '1', day: '1', cron: '30 2 * * *' }

/** The cron expression of a timing. */
export function cronOf({ frequency, time, weekday, day, cron }: Timing): string {
  const [hour = 0, minute = 0] = time.split(':').map(Number)
  const at = `${minute} ${hour}`
  const forms: Record<Frequency, string> = {
    daily: `${at} * * *`,
    weekdays: `${at} * * 1-5`,
    weekly: `${at} * * ${weekday}`,
    monthly: `${at} ${day} * *`,
    hourly: `${minute} * * * *`,
    custom: cron,
  }
  return forms[frequency]
}

/** The parts of a cron expression; `custom` for one that the form does not offer. */
export function timingOf(cron: string): Timing {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = cron.trim().split(/\s+/)
  const two = (text: string) => text.padStart(2, '0')
  const time = `${two(hour === '*' ? '0' : hour)}:${two(minute)}`
  const custom = { ...initialTiming, frequency: 'custom', cron } as const
  if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(time)) return custom
  const known = {
    ...initialTiming,
    time,
    cron,
    ...(/^\d+$/.test(day) && { day }),
    ...(/^[0-6]$/.test(weekday) && { weekday }),
  }
  const found = frequencies.find(
    (frequency) =>
      frequency !== 'custom' &&
      cronOf({ ...known, frequency }) ===
        `${Number(minute)} ${hour === '*' ? '*' : Number(hour)} ${day} ${month} ${weekday}`,
  )
  return found ? { ...known, frequency: found } : custom
}
