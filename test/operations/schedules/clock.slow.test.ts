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

test.each([
  ['25', 'autumn', '2026-10-24T21:59:59Z'],
  ['23', 'spring', '2027-03-27T22:59:59Z'],
])('two schedulers on one database make %s hourly audits on the day of the change in %s', async (hours, _, from) => {
  const ticks = await makeSchedule(stores, { from, cron: '0 * * * *', count: Number(hours) })
  expect(new Set(ticks.map((tick) => localDay.format(tick))).size).toBe(1)
  const gaps = ticks.slice(1).map((tick, i) => tick.getTime() - (ticks[i]?.getTime() ?? 0))
  expect(new Set(gaps)).toEqual(new Set([3_600_000]))
  const settled = await runThrough(stores, ticks)
  expect(settled.map(({ due }) => due)).toEqual(ticks)
  expect(new Set(settled.map(({ audit }) => audit)).size).toBe(ticks.length)
})
