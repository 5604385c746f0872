/** Objects are written as JSON. */
export type Cell = string | number | boolean | object | null

/** The columns by name, each with its cell. */
export type Columns<T> = Readonly<Record<string, (item: T) => Cell>>

/** How CSV is written: `excel` is what Excel opens as a table in every country, with semicolons and a byte-order mark. */
export type CsvDialect = 'standard' | 'excel'
const separators = { standard: ',', excel: ';' } as const
const byteOrderMark = '\uFEFF'

/** The header line of a CSV document, RFC 4180. */
export const csvHead = <T>(columns: Columns<T>, dialect: CsvDialect = 'standard'): string =>
  (dialect === 'excel' ? byteOrderMark : '') + toLine(Object.keys(columns), dialect)

/**
 * Items as CSV lines. Spreadsheet formulas are defused at the start of a cell and after semicolons and tabs, which Excel takes
 * for separators in many countries, even inside quotes.
 */
export function csvLines<T>(columns: Columns<T>, items: readonly T[], dialect: CsvDialect = 'standard'): string {
  const cells = Object.values(columns)
  const line = (item: T) =>
    toLine(
      cells.map((cell) => toCell(cell(item))),
      dialect,
    )
  return items.map(line).join('')
}

/** The cells of an item, without the end of the line; for parts of lines that items share. */
export const csvCells = <T>(columns: Columns<T>, item: T, dialect: CsvDialect): string =>
  Object.values(columns)
    .map((cell) => toCell(cell(item)))
    .join(separators[dialect])

/** Joins such parts to a line. */
export const csvLineOf = (parts: readonly string[], dialect: CsvDialect): string => toLine(parts, dialect)

const toLine = (cells: readonly string[], dialect: CsvDialect): string => `${cells.join(separators[dialect])}\r\n`

// Full-width signs included. Apostrophes before a formula get one more, so that withoutGuard is the exact inverse.
const formula = /^'*[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/
const mustBeQuoted = /[",;\t\r\n\uFEFF]|^ |^'*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]| $/

const separator = /[;\t\r\n]/
const innerFormula = /([;\t\r\n]"*)('*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g
const guardedFormula = /^'('*[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20])/
const guardedInner = /([;\t\r\n]"*)'('*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g

/** The text of a cell that `csvLines` wrote: without the apostrophes that defuse formulas, and no other. */
export const withoutGuard = (cell: string): string =>
  cell.includes("'") ? cell.replace(guardedFormula, '$1').replace(guardedInner, '$1$2') : cell

function toCell(value: Cell): string {
  if (value === null) return ''
  if (typeof value === 'object') return toJsonCell(value)
  if (typeof value !== 'string') return String(value)
  if (!mustBeQuoted.test(value)) return value
  const text = separator.test(value) ? value.replace(innerFormula, "$1'$2") : value
  return `"${formula.test(text) ? "'" : ''}${text.replace(/"/g, '""')}"`
}

const jsonFormula = /([;\t\r\n]"*)([=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g

/** JSON starts no formula, and holds no separator but semicolons. */
function toJsonCell(value: object): string {
  const json = JSON.stringify(value)
  const text = json.includes(';') ? json.replace(jsonFormula, (_, before, sign) => before + escapeUnit(sign)) : json
  return `"${text.replace(/"/g, '""')}"`
}

const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Items as NDJSON, one to a line. */
export const ndjsonLines = (items: readonly unknown[]): string =>
  items.map((item) => `${JSON.stringify(item)}\n`).join('')
