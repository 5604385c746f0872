const rfc3339 = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i

/** Explains a time zone whose `+` a query has turned into a space; undefined for other texts. */
export const plusIssue = (text: string): string | undefined =>
  readTime(text.replace(/ (?=\d{2}:\d{2}$)/, '+')) && text.includes(' ')
    ? 'must have its + encoded as %2B: in a query, + means a space'
    : undefined

/** Parses an RFC 3339 time, else undefined. Rejects 30 February, which JavaScript accepts, and year 0, which PostgreSQL lacks. */
export function readTime(text: string): Date | undefined {
  const time = new Date(text)
  const day = rfc3339.exec(text)?.[1]
  const isDay = day !== undefined && new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day)
  return isDay && time.getUTCFullYear() >= 1 && time.getUTCFullYear() <= 9999 ? time : undefined
}

/** Which time of its day a date stands for, in UTC. */
export type DateEdge = 'start' | 'end'
/** The keyword of schemas that take a date too; its value is the edge. */
export const dateKeyword = 'x-date'

/** The time that a date stands for; other texts are returned as they are. */
export function dateToTime(text: string, edge: DateEdge): string {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return text
  return `${text}T${edge === 'start' ? '00:00:00.000' : '23:59:59.999'}Z`
}
