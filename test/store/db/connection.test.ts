import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectionOptions } from '../../../src/store/db/connection.ts'
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts'
import { query } from '../../support/database-server.ts'
import { hostile, hostileSettings } from '../../support/hostile-settings.ts'
import { readSources } from '../../support/sources.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createEmptyDatabase()
  await query(database.url, hostileSettings(database.url))
})
afterAll(() => database.drop())

async function settings(options: pg.ClientConfig): Promise<Record<string, string>> {
  const client = new pg.Client(options)
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string; value: string }>({
      text: 'SELECT name, current_setting(name, true) AS value FROM unnest($1::text[]) AS given(name)',
      values: [[...Object.keys(hostile), 'search_path']],
    })
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
  } finally {
    await client.end()
  }
}

test('every connection of the service has these options', () => {
  const sources = readSources().filter(({ text }) =>
    /new (pg\.(Client|Pool)|WatchedClient|CheckedPool|PgBoss)\(/.test(text),
  )
  const without = sources.filter(({ text }) => !/connectionOptions\(|sessionOptions/.test(text)).map(({ path }) => path)
  expect(sources.length).toBeGreaterThan(4)
  // One takes the options of the connection whose session it checks, the other checks only who is the primary.
  expect(without).toEqual(['store/db/liveness/primary-socket.ts', 'store/db/liveness/session-state.ts'])
})

test('no session setting of the database reaches a connection', async () => {
  expect(await settings(connectionOptions(database.url, 'test'))).toEqual({
    datestyle: 'ISO, MDY',
    intervalstyle: 'postgres',
    timezone: 'UTC',
    client_encoding: 'UTF8',
    bytea_output: 'hex',
    extra_float_digits: '1',
    array_nulls: 'on',
    standard_conforming_strings: 'on',
    transform_null_equals: 'off',
    quote_all_identifiers: 'off',
    row_security: 'on',
    gin_fuzzy_search_limit: '0',
    exit_on_error: 'off',
    'plpgsql.extra_errors': 'none',
    default_transaction_isolation: 'read committed',
    default_transaction_deferrable: 'off',
    idle_session_timeout: '0',
    lock_timeout: '0',
    statement_timeout: '0',
    idle_in_transaction_session_timeout: '30s',
    search_path: '"$user", public',
  })
})

test('a schema of the URL, with any name, is the search path, and options of the URL are kept', async () => {
  const options = connectionOptions(`${database.url}?schema=a%20%5C%22b&options=-c%20work_mem%3D7MB`, 'test')
  expect(await settings(options)).toMatchObject({ search_path: '"a \\""b"', timezone: 'UTC' })
  const client = new pg.Client(options)
  await client.connect()
  expect((await client.query('SHOW work_mem')).rows).toEqual([{ work_mem: '7MB' }])
  await client.end()
})
