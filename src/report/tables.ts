import papa from 'papaparse'

/** How a list becomes rows: the name of each column, and its cell. Structured cells are JSON. */
export type Columns<T> = Readonly<Record<string, (item: T) => string | number | boolean | null>>

/** The head line of a CSV document, RFC 4180. */
export const csvHead = <T>(columns: Columns<T>): string => toCsv([Object.keys(columns)])

/** Items as CSV lines. A cell that a spreadsheet would take for a formula is made text. */
export function csvLines<T>(columns: Columns<T>, items: readonly T[]): string {
  const cells = Object.values(columns)
  return toCsv(items.map((item) => cells.map((cell) => cell(item))))
}

const lineEnd = '\r\n'
const formula = /^[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/ // the full-width signs too
const toCsv = (rows: unknown[][]): string =>
  rows.length === 0 ? '' : papa.unparse(rows, { newline: lineEnd, escapeFormulae: formula }) + lineEnd

/** Items as NDJSON, one to a line. */
export const ndjsonLines = (items: readonly unknown[]): string =>
  items.map((item) => `${JSON.stringify(item)}\n`).join('')
