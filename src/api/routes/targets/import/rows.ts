import type { ValidationIssue } from '../../../../domain/errors.ts'
import type { Row } from './body.ts'

/** Issues that a response lists. */
const maxIssues = 100
/** So many rows an import may have: their names are kept until its end. */
export const maxRows = 500_000

interface RowError extends ValidationIssue {
  line: number
}

/** The counted rows and the first issues of refused ones. */
export interface Tally {
  rows: number
  refused: number
  errors: RowError[]
}

/** Hands every sound row to `keep`, and counts. A name that comes twice is refused the second time. */
export async function sift<T extends { name: string }>(
  rows: AsyncIterable<Row>,
  { check, keep }: { check: (value: unknown) => ValidationIssue[]; keep: (value: T) => Promise<void> },
): Promise<Tally> {
  const tally: Tally = { rows: 0, refused: 0, errors: [] }
  const names = new Set<string>()
  for await (const row of rows) {
    tally.rows += 1
    const issues = 'issues' in row ? row.issues : check(row.value)
    const value = 'value' in row ? (row.value as T) : undefined
    if (issues.length === 0 && value) {
      if (tally.rows > maxRows) issues.push({ pointer: '', message: `is one more than ${maxRows} rows` })
      else if (names.size === names.add(detached(value.name)).size)
        issues.push({ pointer: '/name', message: `${value.name} is there twice` })
      else await keep(value)
    }
    if (issues.length === 0) continue
    tally.refused += 1
    const room = maxIssues - tally.errors.length
    for (const issue of issues.slice(0, room)) tally.errors.push({ line: row.line, ...issue })
  }
  return tally
}

// A part of a text keeps the whole text in memory: a name out of an XML document all of it.
const detached = (text: string) => Buffer.from(text).toString()
