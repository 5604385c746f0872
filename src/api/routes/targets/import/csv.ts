import { Readable } from 'node:stream'
import { CsvError, type Info, parse } from 'csv-parse'
import type { ValidationIssue } from '../../../../domain/errors.ts'
import { nearestName } from '../../../../domain/policy/shape.ts'
import { truncate } from '../../../../encoding/text.ts'
import { jsonIssueOf } from '../../../http/strict-json.ts'
import { TargetInput, targetColumns } from '../schemas.ts'
import { type Row, rowLimit, UnreadableError } from './body.ts'

interface CsvRecord {
  record: string[]
  info: Info
}

/** Columns as the export of targets has them, in any order, and `labels.KEY` for a label; empty cells are left out (RFC 4180). */
export async function* readCsv(pieces: AsyncIterable<string>): AsyncGenerator<Row> {
  // Rows are counted here, so that an issue names its line and column.
  const options = { info: true, relax_column_count: true, skip_empty_lines: true, max_record_size: rowLimit }
  const source = Readable.from(pieces)
  const parser = source.pipe(parse(options))
  source.on('error', (error) => parser.destroy(error))
  let columns: string[] | undefined
  try {
    for await (const { record, info } of parser as AsyncIterable<CsvRecord>) {
      if (columns) yield readRecord(columns, record, info.lines)
      else columns = readHead(record, info.lines)
    }
  } catch (error) {
    throw error instanceof CsvError ? new UnreadableError(`not CSV: ${error.message}`, error.lines as number) : error
  } finally {
    source.destroy()
  }
  if (!columns) throw new UnreadableError('the document is empty: its first line names the columns', 1)
}

const structured = ['labels', 'params']

function readHead(names: string[], line: number): string[] {
  const unknown = names.find((name) => !targetColumns.includes(name) && !/^labels\../.test(name))
  if (unknown !== undefined) {
    const near = nearestName(unknown, targetColumns)
    const meant = /[;\t]/.test(unknown)
      ? 'cells are separated by commas'
      : near
        ? `did you mean ${near}?`
        : `there are ${Object.keys(TargetInput.properties).join(', ')} and labels.KEY`
    throw new UnreadableError(`there is no column ${JSON.stringify(truncate(unknown, 100))}: ${meant}`, line)
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new UnreadableError(`the column ${twice} is there twice`, line)
  const missing = ['name', 'address'].find((name) => !names.includes(name))
  if (missing !== undefined) throw new UnreadableError(`the column ${missing} is missing`, line)
  return names
}

function readRecord(columns: string[], cells: string[], line: number): Row {
  if (cells.length !== columns.length) {
    const message = `has ${cells.length} cells, and the first line has ${columns.length}`
    return { line, issues: [{ pointer: '', message }] }
  }
  const value: Record<string, unknown> = {}
  const issues: ValidationIssue[] = []
  for (const [i, column] of columns.entries()) {
    const cell = withoutGuard(cells[i] ?? '')
    if (cell === '') continue
    if (column.startsWith('labels.')) {
      value.labels = { ...(value.labels as object), [column.slice('labels.'.length)]: cell }
    } else if (structured.includes(column) || (column === 'roles' && cell.startsWith('['))) {
      const jsonIssue = jsonIssueOf(cell)
      const read = readJson(cell)
      if (jsonIssue !== undefined) issues.push({ pointer: `/${column}`, message: jsonIssue })
      else if (read === undefined) issues.push({ pointer: `/${column}`, message: 'is not a JSON value' })
      else value[column] = column === 'labels' ? merge(read, value.labels) : read
    } else {
      value[column] = column === 'roles' ? cell.split(';').map((role) => role.trim()) : cell
    }
  }
  return issues.length > 0 ? { line, issues } : { line, value }
}

// Exports put an apostrophe before what a spreadsheet would take for a formula.
const withoutGuard = (cell: string) =>
  cell
    .replace(/^'(?=[=+\-@\t\r\uFF0B\uFF0D\uFF1D\uFF20])/, '')
    .replace(/([;\t\r\n]"*)'(?=[=+\-@\uFF0B\uFF0D\uFF1D\uFF20])/g, '$1')

const merge = (read: unknown, more: unknown) =>
  typeof read === 'object' && !Array.isArray(read) && more ? { ...read, ...(more as object) } : read

function readJson(cell: string): unknown {
  try {
    return JSON.parse(cell)
  } catch {
    return undefined
  }
}
