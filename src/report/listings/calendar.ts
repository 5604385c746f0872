/** An event of a whole day. */
export interface CalendarDay {
  /** Stays the same in every export. */
  uid: string
  day: Date
  summary: string
  description: string
}

/**
 * A calendar of events of whole days (RFC 5545). Each has an alarm 14 days before. Texts are escaped, and lines are folded at 75 octets.
 * `now` is the time of the export.
 */
export function renderCalendar(name: string, days: readonly CalendarDay[], now: Date): string {
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Portwarden//Certificates//EN',
    'CALSCALE:GREGORIAN',
    'METHOD:PUBLISH',
    `X-WR-CALNAME:${escapeText(name)}`,
    ...days.flatMap((day) => eventOf(day, now)),
    'END:VCALENDAR',
  ]
  return lines.map((line) => `${fold(line)}\r\n`).join('')
}

const dayMs = 86_400_000

const eventOf = ({ uid, day, summary, description }: CalendarDay, now: Date): string[] => [
  'BEGIN:VEVENT',
  `UID:${escapeText(uid)}`,
  `DTSTAMP:${compact(now).slice(0, 15)}Z`,
  `DTSTART;VALUE=DATE:${compact(day).slice(0, 8)}`,
  `DTEND;VALUE=DATE:${compact(new Date(day.getTime() + dayMs)).slice(0, 8)}`,
  `SUMMARY:${escapeText(summary)}`,
  `DESCRIPTION:${escapeText(description)}`,
  'TRANSP:TRANSPARENT',
  'BEGIN:VALARM',
  'ACTION:DISPLAY',
  `DESCRIPTION:${escapeText(summary)}`,
  'TRIGGER:-P14D',
  'END:VALARM',
  'END:VEVENT',
]

/** `20261122T020000`, in UTC. */
const compact = (at: Date) => at.toISOString().replace(/[-:]|\.\d+Z$/g, '')

/** RFC 5545 section 3.3.11; control characters are not allowed in texts. */
const escapeText = (text: string): string =>
  text
    .replace(/[\\;,]/g, String.raw`\$&`)
    .replace(/\r\n|\r|\n/g, String.raw`\n`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '')

const maxOctets = 75

/** RFC 5545 section 3.1: a line has at most 75 octets, and a character is not cut. */
function fold(line: string): string {
  let folded = ''
  let octets = 0
  for (const character of line) {
    const size = Buffer.byteLength(character)
    if (octets + size > maxOctets) {
      folded += '\r\n '
      octets = 1
    }
    folded += character
    octets += size
  }
  return folded
}
