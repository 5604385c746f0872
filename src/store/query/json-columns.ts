import { Prisma } from '../db/database.ts'

/**
 * Selects the rows of a group as one text, a JSON array for each column, and makes rows of it again: the driver takes longer
 * for as many rows than PostgreSQL does. Times are text, as JSON has them.
 */
export function columnsOf<Row extends object>(orderBy: string, columns: Record<keyof Row & string, string>) {
  const names = Object.keys(columns) as (keyof Row & string)[]
  const arrays = Object.values(columns).map((column) => `json_agg(${column} ORDER BY ${orderBy})`)
  return {
    select: Prisma.raw(`json_build_array(${arrays})::text`),
    rowsOf(text: string): Row[] {
      const rows: Row[] = []
      const arrays: Row[keyof Row][][] = JSON.parse(text)
      names.forEach((name, at) => {
        arrays[at]?.forEach((value, i) => {
          const row = rows[i] ?? ({} as Row)
          row[name] = value as Row[typeof name]
          rows[i] = row
        })
      })
      return rows
    },
  }
}
