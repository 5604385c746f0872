import { afterAll, beforeAll, describe, test } from 'vitest'
import { openDatabase } from '../../../../src/store/db/database.ts'
import { isUnavailable } from '../../../../src/store/db/outages.ts'
import { prepared, reportOnAll } from '../../../../src/store/db/statements.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { query } from '../../../support/database-server.ts'
import { startSilentRelay } from '../../../support/silent-relay.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

/** Of an outage. */
const failure = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (isUnavailable(error) ? 'unavailable' : error),
  )

const sleeping = `SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(2)%' AND state = 'active' AND pid <> pg_backend_pid()`

describe.concurrent('after a failover that ends no connection', () => {
  test('a statement, a report and a transaction that are under way fail as in an outage, and release their locks', async ({
    expect,
  }) => {
    await using relay = await startSilentRelay(database.url)
    const { db, transaction, close } = openDatabase(relay.url, { connections: 3 })
    const { promise: locked, resolve: onLocked } = Promise.withResolvers<void>()
    const held = transaction(async (tx) => {
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(4711)`
      onLocked()
      await tx.$queryRaw`SELECT pg_sleep(2)::text`
    })
    await locked
    const work = [
      failure(held),
      failure(prepared(db)`SELECT pg_sleep(2)::text`),
      failure(reportOnAll(db)`SELECT pg_sleep(2)::text`),
    ]
    await expect.poll(async () => (await query(database.url, [sleeping])).length).toBe(3)
    relay.fail()
    expect(await Promise.all(work)).toEqual(['unavailable', 'unavailable', 'unavailable'])
    expect(await prepared(db)`SELECT pg_advisory_lock(4711)::text AS taken`).toEqual([{ taken: '' }])
    await close()
  })

  test('a statement that the server works on is not cut, however long it takes', async ({ expect }) => {
    await using relay = await startSilentRelay(database.url)
    const { db, close } = openDatabase(relay.url, { connections: 1 })
    expect(await prepared(db)`SELECT pg_sleep(20)::text AS slept`).toEqual([{ slept: '' }])
    await close()
  })
})
