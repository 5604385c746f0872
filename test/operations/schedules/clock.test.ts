import { TestClock } from 'pg-boss'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TestStores } from '../../support/stores.ts'
import {
  endAudits,
  makeSchedule,
  openScheduleStores,
  runs,
  runThrough,
  startTwo,
} from '../../support/two-schedulers.ts'

const dayMs = 86_400_000

let stores: TestStores
beforeEach(async () => {
  stores = await openScheduleStores()
})
afterEach(() => stores.close())

const localDay = new Intl.DateTimeFormat('sv', { timeZone: 'Europe/Berlin', dateStyle: 'short' })

describe('two schedulers on one database', () => {
  test.each([
    ['autumn', '2026-10-23T12:00:00Z', '2026-10-25'],
    ['spring', '2027-03-26T12:00:00Z', '2027-03-28'],
  ])('make one audit for each night around the change in %s', async (_, from, changeDay) => {
    const ticks = await makeSchedule(stores, { from, count: 4 })
    const days = ticks.map((tick) => localDay.format(tick))
    expect(days).toContain(changeDay)
    expect(new Set(days).size).toBe(ticks.length)
    const settled = await runThrough(stores, ticks)
    expect(settled.map(({ due, outcome }) => [due, outcome])).toEqual(ticks.map((tick) => [tick, 'audit']))
    expect(new Set(settled.map(({ audit }) => audit)).size).toBe(ticks.length)
  })

  test.each([
    ['once', ['audit', 'missed', 'missed', 'caught-up']],
    ['skip', ['audit', 'missed', 'missed', 'missed']],
  ] as const)('that were down across three ticks, missed: %s, name them all: %j', async (missed, outcomes) => {
    const ticks = await makeSchedule(stores, { from: '2026-11-01T12:00:00Z', missed, count: 1 })
    const first = ticks[0]?.getTime() ?? 0
    const clock = new TestClock(new Date(first + 5_000))
    const before = await startTwo(stores, clock)
    await before.decided(1)
    await before.stop()
    await endAudits(stores)
    await clock.setTime(first + 3 * dayMs + 3_600_000)
    const after = await startTwo(stores, clock)
    await after.decided(4)
    await after.decided(5)
    await after.stop()
    expect((await runs(stores)).map(({ outcome }) => outcome)).toEqual(outcomes)
  })
})
