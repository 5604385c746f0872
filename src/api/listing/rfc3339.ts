const rfc3339 = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i

/** An RFC 3339 time; undefined for any other text. JavaScript takes 30 February for 2 March, and PostgreSQL knows no year 0. */
export function readTime(text: string): Date | undefined {
  const time = new Date(text)
  const day = rfc3339.exec(text)?.[1] ?? ''
  const isDay = day !== '' && new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day)
  return isDay && time.getUTCFullYear() >= 1 && time.getUTCFullYear() <= 9999 ? time : undefined
}
