const dayMs = 86_400_000
const horizonDays = 370

/** When the clocks of a time zone change next: the time, and the offsets before and after it, such as `+01:00`. */
export interface ClockChange {
  at: Date
  before: string
  after: string
}

/** The next change of the offset of an IANA time zone within a year; undefined without one. Throws RangeError for another zone. */
export function nextClockChange(timeZone: string, from: Date): ClockChange | undefined {
  const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' })
  const offsetAt = (time: number) => {
    const name = format.formatToParts(time).find(({ type }) => type === 'timeZoneName')?.value ?? ''
    return name.replace(/^GMT/, '') || '+00:00'
  }
  const before = offsetAt(from.getTime())
  for (let day = 1; day <= horizonDays; day += 1) {
    let late = from.getTime() + day * dayMs
    if (offsetAt(late) === before) continue
    let early = late - dayMs
    while (late - early > 1000) {
      const middle = Math.floor((early + late) / 2)
      if (offsetAt(middle) === before) early = middle
      else late = middle
    }
    const at = new Date(Math.round(late / 60_000) * 60_000)
    return { at, before, after: offsetAt(late) }
  }
  return undefined
}
