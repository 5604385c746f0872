import { Readable } from 'node:stream'
import { CsvError, type Info, parse } from 'csv-parse'
import type { ValidationIssue } from '../../../../domain/errors.ts'
import { nearestName } from '../../../../domain/policy/shape.ts'
import { withoutGuard } from '../../../../encoding/csv.ts'
import { jsonIssueOf } from '../../../../encoding/json-scan.ts'
import { truncate } from '../../../../encoding/text.ts'
import { TargetInput, targetColumns } from '../schemas.ts'
import { type Note, type Row, rowLimit, UnreadableError } from './body.ts'
import { openCsv, separators, trimBlanks } from './csv-start.ts'

/** Longer texts are refused, with guards or without; to remove thousands of guards takes long. */
const maxGuarded = 20_000
const unguarded = (cell: string): string => (cell.length > maxGuarded ? cell : withoutGuard(cell))

interface CsvRecord {
  record: string[]
  info: Info
}

/** Columns of a document: those of a target, and more labels than one target may have. */
const maxColumns = 2_000
/** Cells of a row: the columns of the sheets of Excel and LibreOffice. */
const maxCells = 16_384

/**
 * Columns as the export of targets has them, in any order, and `labels.KEY` for a label; empty cells are left out (RFC 4180).
 * Notes what it assumes of a document that a spreadsheet wrote.
 */
export async function* readCsv(pieces: AsyncIterable<string>, note: Note): AsyncGenerator<Row> {
  const { delimiter, rest, skipped } = await openCsv(pieces, note)
  const cast = (cell: string, { quoting, lines, index }: { quoting: boolean; lines: number; index: number }) => {
    if (index >= maxCells) throw new UnreadableError(`a row has more than ${maxCells} cells`, lines + skipped)
    if (quoting) return cell
    const trimmed = trimBlanks(cell)
    if (trimmed.length < cell.length && trimmed !== '')
      note('blanks around a cell that is not quoted are not part of it', lines + skipped)
    return trimmed
  }
  // Rows are counted here, so that an issue names its line and column.
  const options = { info: true, relax_column_count: true, skip_empty_lines: true, max_record_size: 2 * rowLimit }
  const source = Readable.from(rest)
  const parser = source.pipe(parse({ ...options, delimiter, cast }))
  source.on('error', (error) => parser.destroy(error))
  let columns: Column[] | undefined
  try {
    for await (const { record, info } of parser as AsyncIterable<CsvRecord>) {
      const line = info.lines + skipped
      if (record.every((cell) => cell === '')) note('a row without any value is not a target', line)
      else if (columns) yield readRecord(columns, record, { line, note })
      else columns = readHead(record, { line, note, delimiter })
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new UnreadableError(`not CSV: ${error.message}`, (error.lines as number) + skipped)
  } finally {
    source.destroy()
  }
  if (!columns) throw new UnreadableError('the document is empty: its first line names the columns', 1)
}

/** The name of a column; undefined for one without a name. */
type Column = string | undefined

const byLowerCase = new Map(targetColumns.map((name) => [name.toLowerCase(), name]))
const isLabel = (name: string) => /^labels\../i.test(name)

function readHead(
  cells: string[],
  { line, note, delimiter }: { line: number; note: Note; delimiter: string },
): Column[] {
  const columns = cells.map((cell) => {
    const meant =
      cell === '' || isLabel(cell) ? cell.replace(/^labels/i, 'labels') : byLowerCase.get(cell.toLowerCase())
    if (meant === cell) return cell || undefined
    if (meant === undefined) throw new UnreadableError(unknownColumn(cell, delimiter), line)
    note(`the column ${cell} is read as ${meant}`, line)
    return meant
  })
  const names = new Set<string>()
  for (const name of columns) {
    if (name === undefined) note('a column without a name is left out: its cells must be empty', line)
    else if (names.size === names.add(name).size) throw new UnreadableError(`the column ${name} is there twice`, line)
  }
  if (columns.length > maxColumns) throw new UnreadableError(`there are more than ${maxColumns} columns`, line)
  const missing = ['name', 'address'].find((name) => !names.has(name))
  if (missing !== undefined) throw new UnreadableError(`the column ${missing} is missing`, line)
  return columns
}

function unknownColumn(name: string, delimiter: string): string {
  const near = nearestName(name, targetColumns)
  const other = Object.keys(separators).find((separator) => separator !== delimiter && name.includes(separator))
  const meant =
    other !== undefined
      ? `cells are separated by ${separators[delimiter] ?? delimiter} here`
      : near
        ? `did you mean ${near}?`
        : `there are ${Object.keys(TargetInput.properties).join(', ')} and labels.KEY`
  return `there is no column ${JSON.stringify(truncate(name, 100))}: ${meant}`
}

function readRecord(columns: Column[], cells: string[], { line, note }: { line: number; note: Note }): Row {
  const refuse = (message: string): Row => ({ line, issues: [{ pointer: '', message }] })
  const tooLong = cells.length > columns.length && cells.slice(columns.length).some((cell) => cell !== '')
  const tooShort = columns.slice(cells.length).some((column) => column !== undefined)
  if (tooShort || tooLong) return refuse(describeWidth(columns, cells))
  if (cells.length > columns.length) note('empty cells at the end of a row are left out', line)
  const value: Record<string, unknown> = {}
  const labels: [string, string][] = []
  const issues: ValidationIssue[] = []
  for (const [i, column] of columns.entries()) {
    const cell = cells[i] ?? ''
    if (cell === '') continue
    if (column === undefined) return refuse(`has a value in column ${i + 1}, which has no name`)
    if (column.startsWith('labels.')) labels.push([column.slice('labels.'.length), unguarded(cell)])
    else if (column === 'labels' || column === 'params' || (column === 'roles' && cell.startsWith('['))) {
      const read = readJson(cell)
      if ('issue' in read) issues.push({ pointer: `/${column}`, message: read.issue })
      else value[column] = read.value
    } else value[column] = column === 'roles' ? unguarded(cell).split(';').map(trimBlanks) : unguarded(cell)
  }
  if (labels.length > 0) value.labels = mergeLabels(value.labels, labels)
  return issues.length > 0 ? { line, issues } : { line, value }
}

function describeWidth(columns: Column[], cells: string[]): string {
  const counts = `has ${cells.length} ${cells.length === 1 ? 'cell' : 'cells'}, and the first line has ${columns.length}`
  const other = Object.keys(separators).find((separator) => cells.length === 1 && cells[0]?.includes(separator))
  if (other !== undefined) return `${counts}: it is separated by ${separators[other]}, unlike the first line`
  const missing = columns.slice(cells.length).find((column) => column !== undefined)
  return missing === undefined
    ? `${counts}: a cell that holds a separator needs quotes`
    : `${counts}: the cell of ${missing} is missing; an empty one needs its separator`
}

/** Columns of single labels win; fromEntries takes `__proto__` for a name like any other. */
const mergeLabels = (read: unknown, single: [string, string][]): unknown =>
  read !== undefined && (typeof read !== 'object' || read === null || Array.isArray(read))
    ? read
    : Object.fromEntries([...Object.entries(read ?? {}), ...single])

function readJson(cell: string): { value: unknown } | { issue: string } {
  const issue = jsonIssueOf(cell)
  if (issue !== undefined) return { issue }
  try {
    return { value: JSON.parse(cell) }
  } catch {
    return { issue: 'is not a JSON value' }
  }
}
