import { stringify } from 'csv-stringify/sync'

/** How a list becomes rows: the name of each column, and its cell. Structured cells are JSON. */
export type Columns<T> = Readonly<Record<string, (item: T) => string | number | boolean | null>>

/** The head line of a CSV document, RFC 4180. */
export const csvHead = <T>(columns: Columns<T>): string => stringify([Object.keys(columns)], csvOptions)

/** Items as CSV lines. A cell that a spreadsheet would take for a formula is made text. */
export function csvLines<T>(columns: Columns<T>, items: readonly T[]): string {
  const cells = Object.values(columns)
  return stringify(
    items.map((item) => cells.map((cell) => cell(item))),
    csvOptions,
  )
}

const csvOptions = {
  record_delimiter: 'windows',
  quoted_match: /[\r\n]/, // by itself it quotes a pair of them only
  escape_formulas: true,
  cast: { boolean: (value: boolean) => String(value) },
} as const

/** Items as NDJSON, one to a line. */
export const ndjsonLines = (items: readonly unknown[]): string =>
  items.map((item) => `${JSON.stringify(item)}\n`).join('')
