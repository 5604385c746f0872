const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const names: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
}
const two = (text: string) => text.padStart(2, '0')
const listText = new Intl.ListFormat('en')

/** Number of the day of a week: 0 to 7 or a name such as `mon`; both 0 and 7 are Sunday. */
function dayNumber(text: string): number | undefined {
  if (/^[0-7]$/.test(text)) return Number(text) % 7
  const found = days.findIndex((day) => day.slice(0, 3).toLowerCase() === text.toLowerCase())
  return found < 0 ? undefined : found
}

/** "Mondays and Fridays", "Mondays to Fridays"; undefined for what has no short words. */
function weekdaysText(field: string): string | undefined {
  const word = (text: string) => {
    const number = dayNumber(text)
    return number === undefined ? undefined : `${days[number]}s`
  }
  const parts = field.split(',').map((part) => {
    const ends = part.split('-').map(word)
    return ends.length <= 2 && ends.every((end) => end !== undefined) ? ends.join(' to ') : undefined
  })
  return parts.every((part) => part !== undefined) ? listText.format(parts) : undefined
}

/** When, within a day, the two first fields of a cron expression are due. */
function timeText(minute: string, hour: string): string | undefined {
  if (/^\d+$/.test(minute) && hour === '*') return `every hour at minute ${minute}`
  if (/^\d+$/.test(minute) && /^\d+$/.test(hour)) return `at ${two(hour)}:${two(minute)}`
  const step = /^\*\/(\d+)$/.exec(minute)?.[1]
  if (step !== undefined && hour === '*') return `every ${step} minutes`
  return minute === '*' && hour === '*' ? 'every minute' : undefined
}

/** A common cron expression in words, "every day at 02:30"; undefined for one that is clearer as it is. */
export function cronText(cron: string): string | undefined {
  const fields = (names[cron.trim().toLowerCase()] ?? cron).trim().split(/\s+/)
  const [minute = '', hour = '', day, month, weekday = ''] = fields
  const time = timeText(minute, hour)
  if (!time || fields.length !== 5 || month !== '*') return undefined
  const isDaily = time.startsWith('at')
  if (day === '*' && weekday === '*') return isDaily ? `every day ${time}` : time
  if (day === '*') {
    const on = weekdaysText(weekday)
    return on && (isDaily ? `${on} ${time}` : `${on}, ${time}`)
  }
  return weekday === '*' && /^\d+$/.test(day ?? '') && isDaily ? `on day ${day} of each month ${time}` : undefined
}
