import { once } from 'node:events'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectionOptions } from '../../../../src/store/db/connection.ts'
import { openDatabase } from '../../../../src/store/db/database.ts'
import { listenForNotifications } from '../../../../src/store/db/listen.ts'
import { readState, sessionState } from '../../../../src/store/db/liveness/session-state.ts'
import { WatchedClient } from '../../../../src/store/db/liveness/watched-client.ts'
import { prepared } from '../../../../src/store/db/statements.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { query } from '../../../support/database-server.ts'
import { startSilentRelay } from '../../../support/silent-relay.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

describe.concurrent('after a failover that ends no connection', () => {
  test('idle connections are replaced before a statement uses them', async ({ expect }) => {
    await using relay = await startSilentRelay(database.url)
    const { db, ping, close } = openDatabase(relay.url, { connections: 3 })
    await Promise.all([ping(), ping(), ping()])
    relay.fail()
    await query(database.url, ['SELECT pg_sleep(1.1)']) // younger ones are taken for alive
    expect(await prepared(db)`SELECT 1 AS one`).toEqual([{ one: 1 }])
    expect(await db.$transaction((tx) => tx.$queryRaw`SELECT 1 AS one`)).toEqual([{ one: 1 }])
    await close()
  })

  test('notifications are heard again', async ({ expect }) => {
    await using relay = await startSilentRelay(database.url)
    const notifications = await listenForNotifications(relay.url)
    relay.fail()
    await expect.poll(() => relay.open().live, { timeout: 30_000 }).toBe(1)
    const ended = notifications.waitForEnd('an-audit', 60_000)
    await expect
      .poll(async () => {
        await query(database.url, [`NOTIFY portwarden_audit, 'an-audit'`])
        return Promise.race([ended.then(() => true), new Promise((resolve) => setImmediate(() => resolve(false)))])
      })
      .toBe(true)
    await notifications.close()
  })

  test('a dead connection does not hold up the end of its pool', async ({ expect }) => {
    await using relay = await startSilentRelay(database.url)
    const { ping, close } = openDatabase(relay.url, { connections: 1 })
    await ping()
    relay.fail()
    await close()
    expect(relay.open().live).toBe(0)
  })
})

describe('the state of a session', () => {
  const connect = async () => {
    const client = new WatchedClient(connectionOptions(database.url, 'test'))
    await client.connect()
    const pid = (client as unknown as { processID: number }).processID
    return { client: client as pg.Client, pid, state: () => sessionState(connectionOptions(database.url, 'test'), pid) }
  }

  test('is read from the server', async () => {
    const { client, state } = await connect()
    expect(await state()).toBe('gone')
    const slept = client.query('SELECT pg_sleep(1)')
    await expect.poll(state).toBe('active')
    await slept
    const ended = once(client, 'end')
    await client.end()
    await ended
    await expect.poll(state).toBe('gone')
  })

  test.each([
    ['of a pooler', { own: 2, pid: 1, state: 'active', waitEvent: null }, 'unknown'],
    ['that may not be seen', { own: 1, pid: 5, state: null, waitEvent: null }, 'unknown'],
    ['that waits for its client', { own: 1, pid: 5, state: 'active', waitEvent: 'ClientWrite' }, 'gone'],
    ['with a lock to wait for', { own: 1, pid: 5, state: 'active', waitEvent: 'advisory' }, 'active'],
  ] as const)('%s', (_what, row, state) => expect(readState(row, 1)).toBe(state))

  test('is unanswered without a server', async () => {
    expect(await sessionState({ host: '127.0.0.1', port: 1, user: 'user' }, 1)).toBe('unanswered')
  })
})
