const dayMs = 24 * 60 * 60 * 1000

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' })
const thisYear = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short' })
const otherYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })

/** A time as a person says it, in the zone of the browser, which is always written: "yesterday 02:14 CET". */
export function formatTime(time: string, now = new Date()): string {
  const then = new Date(time)
  const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
  const days = Math.round((midnight(now) - midnight(then)) / dayMs)
  const words: Record<number, string> = { 0: 'today', 1: 'yesterday', [-1]: 'tomorrow' }
  const day = words[days] ?? (then.getFullYear() === now.getFullYear() ? thisYear : otherYear).format(then)
  return `${day} ${clock.format(then)}`
}

/** A time in the form of `<input type="datetime-local">`, in the zone of the browser. */
export function localInput(time: string): string {
  const then = new Date(time)
  return new Date(then.getTime() - then.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

/** A duration in its two largest units: "2 h 5 min". */
export function formatDuration(ms: number): string {
  const units: readonly [string, number][] = [
    ['d', dayMs],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ]
  const first = units.findIndex(([, size]) => ms >= size)
  if (first < 0) return `${Math.max(0, Math.round(ms))} ms`
  let rest = ms
  return units
    .slice(first, first + 2)
    .map(([unit, size]) => {
      const count = Math.floor(rest / size)
      rest -= count * size
      return count > 0 ? `${count} ${unit}` : ''
    })
    .filter((part) => part)
    .join(' ')
}

/** A time stamp: local with its zone, and UTC on hover and in print. */
export function Time({ value }: { value: string }) {
  const utc = `${value.slice(0, 19).replace('T', ' ')} UTC`
  return (
    <time dateTime={value} title={utc} data-utc={utc}>
      {formatTime(value)}
    </time>
  )
}
