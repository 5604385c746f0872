import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TestStores } from '../../support/stores.ts'
import { makeSchedule, openScheduleStores, runThrough } from '../../support/two-schedulers.ts'

let stores: TestStores
beforeEach(async () => {
  stores = await openScheduleStores()
})
afterEach(() => stores.close())

const localDay = new Intl.DateTimeFormat('sv', { timeZone: 'Europe/Berlin', dateStyle: 'short' })

test('two schedulers on one database make one audit for each of 200 nights, both changes of daylight-saving time included', {
  timeout: 240_000,
}, async () => {
  const ticks = await makeSchedule(stores, { from: '2026-10-12T12:00:00Z', count: 200 })
  const days = ticks.map((tick) => localDay.format(tick))
  expect(days).toEqual(expect.arrayContaining(['2026-10-25', '2027-03-28']))
  expect(new Set(days).size).toBe(200)
  const settled = await runThrough(stores, ticks)
  expect(settled.map(({ due }) => due)).toEqual(ticks)
  expect(settled.every(({ outcome }) => outcome === 'audit')).toBe(true)
  const [count] = await stores.query<{ audits: number }>('SELECT count(*)::int AS audits FROM audit')
  expect(count?.audits).toBe(200)
  expect(new Set(settled.map(({ audit }) => audit)).size).toBe(200)
})
