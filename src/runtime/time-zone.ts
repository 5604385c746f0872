const dayMs = 86_400_000
const formats = new Map<string, Intl.DateTimeFormat>()

/** What a wall clock in the zone shows at an instant, as the milliseconds that UTC would have for that reading. */
export function wallTimeAt(timeZone: string, instantMs: number): number {
  let format = formats.get(timeZone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      era: 'short',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(timeZone, format)
  }
  const part = Object.fromEntries(format.formatToParts(instantMs).map(({ type, value }) => [type, Number(value)]))
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
  const millisecond = ((instantMs % 1_000) + 1_000) % 1_000
  return Date.UTC(year, month - 1, day, hour, minute, second) + millisecond
}

/** How far the clocks of the zone are ahead of UTC at an instant, in milliseconds. */
export const offsetAt = (timeZone: string, instantMs: number): number => wallTimeAt(timeZone, instantMs) - instantMs

/**
 * The instants at which a clock in the zone shows a wall time, earliest first: two where clocks are set back, and one, as far
 * after the gap as the wall time is within it, where they are set forward and skip it (RFC 5545, section 3.3.5).
 */
export function instantsOf(timeZone: string, wallMs: number): number[] {
  const [before, after] = [offsetAt(timeZone, wallMs - dayMs), offsetAt(timeZone, wallMs + dayMs)]
  const found = [...new Set([wallMs - before, wallMs - after])].filter((at) => wallTimeAt(timeZone, at) === wallMs)
  return found.length > 0 ? found.sort((a, b) => a - b) : [wallMs - before]
}
