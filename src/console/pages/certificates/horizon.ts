/** The certificates that end within a stretch of time. */
export interface Stretch {
  /** Null for all that ended before now. */
  from: string | null
  to: string
  label: string
  count: number
}

const months = 12
const monthName = new Intl.DateTimeFormat('en-GB', { month: 'short', timeZone: 'UTC' })

/** How many certificates have ended, and how many end in this month and the eleven after it (UTC), by the times of their ends. */
export function horizonOf(ends: readonly string[], now: Date): Stretch[] {
  const startOf = (month: number) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + month, 1))
  const stretches = Array.from({ length: months }, (_, month) => ({
    from: (month === 0 ? now : startOf(month)).toISOString(),
    to: startOf(month + 1).toISOString(),
    label: monthName.format(startOf(month)),
  }))
  return [{ from: null, to: now.toISOString(), label: 'Ended' }, ...stretches].map((stretch) => ({
    ...stretch,
    count: ends.filter((end) => isWithin(stretch, Date.parse(end))).length,
  }))
}

const isWithin = ({ from, to }: Pick<Stretch, 'from' | 'to'>, end: number) =>
  (from === null || end >= Date.parse(from)) && end < Date.parse(to)
