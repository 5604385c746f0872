import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createChangeStore } from '../../src/store/changes.ts'
import { openTestStores, type TestStores } from '../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

const now = async () => {
  const [row] = await stores.query<{ at: Date }>('SELECT now() AS at')
  return row?.at.getTime() ?? Number.NaN
}

test('asOf is no later than the start of any transaction that still runs, and now where none does', async () => {
  const changes = createChangeStore(stores.db, { marginMs: 0 })
  const before = await now()
  expect(Date.parse(await changes.asOf())).toBeGreaterThanOrEqual(before)
  const other = new pg.Client({ connectionString: stores.url })
  await other.connect()
  try {
    await other.query('BEGIN')
    const begun = (await other.query<{ at: Date }>('SELECT now() AS at')).rows[0]?.at.getTime() ?? Number.NaN
    while ((await now()) <= begun) await stores.query('SELECT 1')
    expect(Date.parse(await changes.asOf())).toBe(begun)
    await other.query('COMMIT')
    expect(Date.parse(await changes.asOf())).toBeGreaterThan(begun)
  } finally {
    await other.end()
  }
})

test('asOf leaves a margin for clocks', async () => {
  expect(Date.parse(await stores.changes.asOf())).toBeLessThanOrEqual((await now()) - 1_900)
})
