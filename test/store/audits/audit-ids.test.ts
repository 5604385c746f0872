import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { openTestStores, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())
afterEach(() => void vi.useRealTimers())

const timeOf = (id = '') => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)

test('ids of audits hold the time of the database, at any clock of the process', async () => {
  const real = Date.now()
  vi.useFakeTimers({ toFake: ['Date'], now: real + 65 * 86_400_000 })
  const { at, ids } = await stores.audits.newIds(1)
  expect(timeOf(ids[0])).toBe(at.getTime())
  expect(Math.abs(at.getTime() - real)).toBeLessThan(60_000)
})

test('ids hold the time at which their audit is created, to the millisecond', async () => {
  for (let i = 0; i < 20; i++) {
    const times = await stores.transaction(async (tx, db) => {
      const { at } = await tx.audits.newIds(1)
      const [row] = await db.$queryRaw<{ at: Date }[]>`SELECT now()::timestamptz(3) AS at`
      return [at, row?.at]
    })
    expect(times[0]).toEqual(times[1])
  }
})

test('ids are unique and in order, within a call and from call to call', async () => {
  const calls = [await stores.audits.newIds(500), await stores.audits.newIds(1), await stores.audits.newIds(500)]
  const ids = calls.flatMap((call) => call.ids)
  expect(ids).toEqual([...new Set(ids)].sort())
})

test('the partition for the findings of new audits is made if it is missing', async () => {
  const partition = `finding_${new Date().toISOString().slice(0, 7).replace('-', '_')}`
  await stores.query(`DROP TABLE ${partition}`)
  await stores.audits.newIds(1)
  expect(await stores.query(`SELECT relname FROM pg_class WHERE relname = '${partition}'`)).toHaveLength(1)
})
