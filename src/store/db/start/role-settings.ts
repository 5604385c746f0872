import pg from 'pg'
import { roleSettings } from '../connection.ts'
import { quoteIdentifier } from '../schemas.ts'

interface Role {
  role: string
  database: string
  /** Of the tables. */
  schema: string
}

const setUp: readonly (readonly [name: string, value: string])[] = [...roleSettings, ['transaction_timeout', '0']]

/** The statements that give a role what each connection without a pooler sets for itself; run through the pooler. */
export async function findMissingSettings(client: pg.Client, { role, database, schema }: Role): Promise<string[]> {
  const present = await read(client, 'current_setting(name, true)', setUp)
  const known = setUp.filter(([name]) => present.get(name) !== null) // a setting of newer servers, or of an extension
  // The server itself writes both values, since "30s" and "30000ms" are the same.
  await client.query('BEGIN')
  const wanted = await read(client, 'set_config(name, value, true)', known)
  await client.query('ROLLBACK')
  const missing = known.filter(([name]) => present.get(name) !== wanted.get(name))
  const { rows } = await client.query<{ current: string | null }>('SELECT current_schema() AS current')
  const values = missing.map(([name, value]) => `${name} = ${pg.escapeLiteral(value)}`)
  if (rows[0]?.current !== schema) values.push(`search_path = ${quoteIdentifier(schema)}`)
  const owner = `ALTER ROLE ${quoteIdentifier(role)} IN DATABASE ${quoteIdentifier(database)}`
  return values.map((value) => `${owner} SET ${value}`)
}

async function read(
  client: pg.Client,
  expression: string,
  settings: typeof setUp,
): Promise<Map<string, string | null>> {
  const { rows } = await client.query<{ name: string; value: string | null }>(
    `SELECT name, ${expression} AS value FROM unnest($1::text[], $2::text[]) AS given(name, value)`,
    [settings.map(([name]) => name), settings.map(([, value]) => value)],
  )
  return new Map(rows.map(({ name, value }) => [name, value]))
}
