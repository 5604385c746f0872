/** Objects are written as JSON. */
export type Cell = string | number | boolean | object | null

/** The columns by name, each with its cell. */
export type Columns<T> = Readonly<Record<string, (item: T) => Cell>>

/** The header line of a CSV document, RFC 4180. */
export const csvHead = <T>(columns: Columns<T>): string => toLine(Object.keys(columns))

/**
 * Items as CSV lines. Spreadsheet formulas are defused at the start of a cell and after semicolons and tabs, which Excel takes
 * for separators in many countries, even inside quotes.
 */
export function csvLines<T>(columns: Columns<T>, items: readonly T[]): string {
  const cells = Object.values(columns)
  return items.map((item) => toLine(cells.map((cell) => toCell(cell(item))))).join('')
}

const toLine = (cells: readonly string[]): string => `${cells.join()}\r\n`

const formula = /^[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/ // full-width signs included
const mustBeQuoted = /[",;\t\r\n\uFEFF]|^[ =+\-@\uFF1D\uFF0B\uFF0D\uFF20]| $/

const separator = /[;\t\r\n]/
const innerFormula = /([;\t\r\n]"*)([=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g

function toCell(value: Cell): string {
  if (value === null) return ''
  if (typeof value === 'object') return toJsonCell(value)
  if (typeof value !== 'string') return String(value)
  if (!mustBeQuoted.test(value)) return value
  const text = separator.test(value) ? value.replace(innerFormula, "$1'$2") : value
  return `"${formula.test(text) ? "'" : ''}${text.replace(/"/g, '""')}"`
}

/** JSON starts no formula, and holds no separator but semicolons. */
function toJsonCell(value: object): string {
  const json = JSON.stringify(value)
  const text = json.includes(';') ? json.replace(innerFormula, (_, before, sign) => before + escapeUnit(sign)) : json
  return `"${text.replace(/"/g, '""')}"`
}

const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Items as NDJSON, one to a line. */
export const ndjsonLines = (items: readonly unknown[]): string =>
  items.map((item) => `${JSON.stringify(item)}\n`).join('')
