import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeSkew, followDatabaseClock } from '../../../src/store/db/clock.ts'
import { openTestStores, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

const day = 86_400_000

/** Follows the database with a clock that is ahead by `aheadMs`, and can be set. */
async function follow(aheadMs: number) {
  const local = { aheadMs, wall: () => Date.now() + local.aheadMs, steady: () => performance.now() }
  const reported: number[] = []
  const fail = (error: unknown) => {
    throw error
  }
  const clock = await followDatabaseClock(stores.db, {
    onSkew: (skewMs) => reported.push(skewMs),
    onError: fail,
    local,
  })
  return { local, reported, ...clock, [Symbol.asyncDispose]: clock.stop }
}

describe('the clock of the database', () => {
  test.each([65 * day, -65 * day, 6_000])(
    'is the time of a process whose own clock is off by %d ms',
    async (aheadMs) => {
      await using clock = await follow(aheadMs)
      expect(Math.abs(clock.now().getTime() - Date.now())).toBeLessThan(5_000)
      expect(Math.abs(clock.skewMs() - aheadMs)).toBeLessThan(5_000)
      expect(clock.reported).toHaveLength(1)
    },
  )

  test('is the own clock while both agree, so that times do not jump by what a measurement is off', async () => {
    await using clock = await follow(0)
    const before = Date.now()
    const now = clock.now().getTime()
    expect(now).toBeGreaterThanOrEqual(before)
    expect(now).toBeLessThanOrEqual(Date.now())
    expect(clock.reported).toEqual([])
  })

  test('does not follow a clock that is set between two measurements, and shows the skew immediately', async () => {
    await using clock = await follow(0)
    clock.local.aheadMs = 65 * day
    expect(Math.abs(clock.now().getTime() - Date.now())).toBeLessThan(5_000)
    expect(clock.skewMs()).toBeGreaterThan(64 * day)
    clock.local.aheadMs = 0
    expect(Math.abs(clock.skewMs())).toBeLessThan(5_000)
  })

  test.each([
    [61_000, 'is 61 s ahead of the database'],
    [-61_000, 'is 61 s behind the database'],
    [1_000, 'agrees with the database again'],
  ])('describes a skew of %d ms', (skewMs, text) => expect(describeSkew(skewMs)).toContain(text))
})
