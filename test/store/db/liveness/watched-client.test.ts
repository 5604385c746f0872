import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectionOptions } from '../../../../src/store/db/connection.ts'
import { CheckedPool } from '../../../../src/store/db/liveness/checked-pool.ts'
import { WatchedClient } from '../../../../src/store/db/liveness/watched-client.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { query } from '../../../support/database-server.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database?.drop())

const terminate = (name: string) =>
  query(database.url, [`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${name}'`])
/** `once` of node:events would itself listen for errors. */
const ended = (client: pg.ClientBase) => new Promise((resolve) => client.once('end', resolve))

test('a connection that the server ends between two queries ends no process', async () => {
  const client = new WatchedClient(connectionOptions(database.url, 'between queries'))
  await client.connect()
  const end = ended(client)
  await terminate('between queries')
  await end
  await expect(client.query('SELECT 1')).rejects.toThrow()
})

test('nor does a connection that the pool has handed out', async () => {
  const pool = new CheckedPool({ ...connectionOptions(database.url, 'handed out'), max: 1 })
  const client = await pool.connect()
  const end = ended(client)
  await terminate('handed out')
  await end
  client.release(true)
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  await pool.end()
})
