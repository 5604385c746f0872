import type { ValidationIssue } from '../../../../domain/errors.ts'
import { truncate } from '../../../../encoding/text.ts'
import { createPace } from '../../../../runtime/pace.ts'
import { type Note, type Row, UnreadableError } from './body.ts'

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
  /** Why nothing was read from some line on. */
  unreadable?: UnreadableError
}

interface Named {
  name: string
  address?: string
}

interface Sieve<T> {
  check: (value: unknown) => ValidationIssue[]
  keep: (value: T) => Promise<void>
  note: Note
}

/**
 * Hands every sound row to `keep`, and counts. A name that comes twice is refused the second time, unless the row has a
 * fallback.
 */
export async function sift<T extends Named>(rows: AsyncIterable<Row>, sieve: Sieve<T>): Promise<Tally> {
  const tally: Tally = { rows: 0, refused: 0, errors: [] }
  const names = new Map<string, string | undefined>()
  const pause = createPace()
  try {
    for await (const row of rows) {
      await pause()
      const judged = judge<T>(row, { ...sieve, names })
      if (judged === 'again') continue
      tally.rows += 1
      const issues = 'issues' in judged ? judged.issues : tally.rows > maxRows ? [tooMany] : []
      if ('value' in judged && issues.length === 0) {
        names.set(detached(judged.value.name), addressOf(row))
        await sieve.keep(judged.value)
        continue
      }
      tally.refused += 1
      const room = maxIssues - tally.errors.length
      for (const issue of issues.slice(0, room)) tally.errors.push({ line: row.line, ...issue })
    }
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error
    tally.unreadable = error
  }
  return tally
}

const tooMany = { pointer: '', message: `is one more than ${maxRows} rows` }

type Judged<T> = { value: T } | { issues: ValidationIssue[] } | 'again'

function judge<T extends Named>(
  row: Row,
  { check, note, names }: Pick<Sieve<T>, 'check' | 'note'> & { names: Map<string, string | undefined> },
): Judged<T> {
  if ('issues' in row) return { issues: row.issues }
  const issues = check(row.value)
  const value = row.value as T
  const taken = issues.length === 0 && names.has(value.name)
  if (issues.length === 0 && !taken) return { value }
  if (!row.fallback)
    return { issues: issues.length > 0 ? issues : [{ pointer: '/name', message: `${value.name} is there twice` }] }
  const other = row.fallback as T
  if ((taken && names.get(value.name) === value.address) || names.has(other.name)) {
    note(`the host ${value.address} is there again: it becomes one target`, row.line)
    return 'again'
  }
  if (value.name === other.name) return { issues }
  const reason = taken
    ? `belongs to ${names.get(value.name)} already`
    : `cannot be the name of a target: ${issues[0]?.message}`
  note(`the name ${truncate(value.name, 260)} ${reason}; the target is named ${other.name}`, row.line)
  const remaining = check(other)
  return remaining.length > 0 ? { issues: remaining } : { value: other }
}

/** Only rows with a fallback need theirs. */
const addressOf = (row: Row) => ('fallback' in row ? detached((row.fallback as Required<Named>).address) : undefined)

// A part of a text keeps the whole text in memory: a name out of an XML document all of it.
const detached = (text: string) => Buffer.from(text).toString()
