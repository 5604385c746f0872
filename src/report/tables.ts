/** How a list becomes rows: the name of each column, and its cell. Structured cells are JSON. */
export type Columns<T> = Readonly<Record<string, (item: T) => string | number | boolean | null>>

/** The head line of a CSV document, RFC 4180. */
export const csvHead = <T>(columns: Columns<T>): string => toLine(Object.keys(columns))

/** Items as CSV lines. A cell that a spreadsheet would take for a formula is made text. */
export function csvLines<T>(columns: Columns<T>, items: readonly T[]): string {
  const cells = Object.values(columns)
  return items.map((item) => toLine(cells.map((cell) => toCell(cell(item))))).join('')
}

const toLine = (cells: readonly string[]): string => `${cells.join()}\r\n`

const formula = /^[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/ // the full-width signs too
const mustBeQuoted = /[",\r\n\uFEFF]|^[ =+\-@\t\uFF1D\uFF0B\uFF0D\uFF20]| $/

function toCell(value: string | number | boolean | null): string {
  if (value === null) return ''
  if (typeof value !== 'string') return String(value)
  if (!mustBeQuoted.test(value)) return value
  return `"${formula.test(value) ? "'" : ''}${value.replace(/"/g, '""')}"`
}

/** Items as NDJSON, one to a line. */
export const ndjsonLines = (items: readonly unknown[]): string =>
  items.map((item) => `${JSON.stringify(item)}\n`).join('')
