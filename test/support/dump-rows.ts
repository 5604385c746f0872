import { query } from './database-server.ts'

/** All rows of all tables, as text. */
export async function dumpRows(url: string): Promise<Buffer> {
  const tables = await query<{ name: string }>(url, [
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  ])
  for (const known of ['public.finding', 'pgboss.job'])
    if (!tables.some(({ name }) => name === known)) throw new Error(`the table ${known} does not exist`)
  const rows: string[] = []
  for (const { name } of tables) {
    const found = await query<{ row: string }>(url, [`SELECT t::text AS row FROM ${name} AS t`])
    rows.push(name, ...found.map(({ row }) => row))
  }
  return Buffer.from(rows.join('\n'))
}
