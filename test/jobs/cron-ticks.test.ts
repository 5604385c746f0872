import { describe, expect, test } from 'vitest'
import { nextTicks } from '../../src/jobs/cron-ticks.ts'
import { instantsOf } from '../../src/runtime/time-zone.ts'

const minuteMs = 60_000
const weekMs = 7 * 86_400_000
const [fromMs, untilMs] = [Date.UTC(2026, 0, 1), Date.UTC(2036, 0, 1)]

const ticksAfter = (cron: string, timeZone: string, from: string, count = 3) =>
  nextTicks(cron, timeZone, { from: new Date(from), count }).map((tick) => tick.toISOString())

describe('a tick', () => {
  test.each([
    [
      'that the clocks skip comes as much later',
      '30 2 * * *',
      'Europe/Berlin',
      '2027-03-27T12:00:00Z',
      ['2027-03-28T01:30:00.000Z', '2027-03-29T00:30:00.000Z'],
    ],
    [
      'that a gap of half an hour skips comes half an hour later',
      '0 2 3 10 *',
      'Australia/Lord_Howe',
      '2027-01-01T00:00:00Z',
      ['2027-10-02T15:30:00.000Z', '2028-10-02T15:00:00.000Z'],
    ],
    [
      'that a gap before midnight skips is not lost',
      '30 0 * * *',
      'America/Havana',
      '2027-03-13T12:00:00Z',
      ['2027-03-14T05:30:00.000Z', '2027-03-15T04:30:00.000Z'],
    ],
    [
      'that the clocks show twice comes once',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-10-24T12:00:00Z',
      ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'],
    ],
    [
      'of every hour comes in both of them',
      '0 * * * *',
      'Europe/Berlin',
      '2026-10-24T23:30:00Z',
      ['2026-10-25T00:00:00.000Z', '2026-10-25T01:00:00.000Z'],
    ],
    [
      'of every hour is not doubled by a gap',
      '0 * * * *',
      'Europe/Berlin',
      '2027-03-28T00:30:00Z',
      ['2027-03-28T01:00:00.000Z', '2027-03-28T02:00:00.000Z'],
    ],
    [
      'after the first of two equal times is the second',
      '*/30 * * * *',
      'Europe/Berlin',
      '2026-10-25T00:30:00Z',
      ['2026-10-25T01:00:00.000Z', '2026-10-25T01:30:00.000Z'],
    ],
    [
      'of a leap day comes years later',
      '0 0 29 2 *',
      'UTC',
      '2026-01-01T00:00:00Z',
      ['2028-02-29T00:00:00.000Z', '2032-02-29T00:00:00.000Z'],
    ],
  ])('%s', (_, cron, timeZone, from, expected) =>
    expect(ticksAfter(cron, timeZone, from, expected.length)).toEqual(expected),
  )

  test.each([
    ['0 0 * * 0,7', '0 0 * * 0'],
    ['0 0 * * 7', '0 0 * * SUN'],
    ['0 0 * * 5-7', '0 0 * * FRI,SAT,SUN'],
    ['  0\t 0  * *  * ', '0 0 * * *'],
    ['@daily', '0 0 * * *'],
    ['@Weekly', '0 0 * * 0'],
    ['@hourly', '0 * * * *'],
  ])('of %j is that of %j', (cron, same) => {
    expect(ticksAfter(cron, 'Europe/Berlin', '2026-11-29T12:00:00Z', 20)).toEqual(
      ticksAfter(same, 'Europe/Berlin', '2026-11-29T12:00:00Z', 20),
    )
  })

  test.each(['0 0 30 2 *', '0 0 * *', '60 0 * * *', '@reboot', ''])('of %j does not exist', (cron) =>
    expect(() => ticksAfter(cron, 'UTC', '2026-01-01T00:00:00Z')).toThrow(),
  )
})

/** The oracle knows a wall clock by the text that another formatter prints, and never calculates with offsets. */
function clockOf(timeZone: string): (instantMs: number) => number {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' })
  return (instantMs) => Date.parse(`${format.format(instantMs).replace(' ', 'T')}Z`)
}

/** The instants at which the clocks of the zone are set, in ten years. */
function transitionsOf(clock: (instantMs: number) => number): number[] {
  const offset = (at: number) => clock(at) - at
  const found: number[] = []
  for (let at = fromMs; at < untilMs; at += weekMs) {
    let [low, high] = [at, at + weekMs]
    if (offset(low) === offset(high)) continue
    while (high - low > minuteMs) {
      const middle = low + Math.floor((high - low) / (2 * minuteMs)) * minuteMs
      if (offset(middle) === offset(low)) low = middle
      else high = middle
    }
    found.push(high)
  }
  return found
}

describe('every minute around every transition of ten years, in every time zone', () => {
  const zones = Intl.supportedValuesOf('timeZone').map((timeZone) => {
    const clock = clockOf(timeZone)
    return { timeZone, clock, transitions: transitionsOf(clock) }
  })
  // Zones with the same clocks are tried once.
  const distinct = new Map(
    zones.map((zone) => [JSON.stringify(zone.transitions.map((at) => [at, zone.clock(at - 1), zone.clock(at)])), zone]),
  )

  test('has the instants that the clocks of the zone show', () => {
    let minutes = 0
    for (const { timeZone, clock, transitions } of distinct.values()) {
      for (const transition of transitions) {
        const shown = new Map<number, number[]>()
        for (let at = transition - 300 * minuteMs; at < transition + 300 * minuteMs; at += minuteMs) {
          shown.set(clock(at), [...(shown.get(clock(at)) ?? []), at])
        }
        const wallBefore = clock(transition - minuteMs) + minuteMs
        for (let wall = wallBefore - 60 * minuteMs; wall < wallBefore + 90 * minuteMs; wall += minuteMs) {
          minutes += 1
          const expected = shown.get(wall) ?? [transition + (wall - wallBefore)]
          const got = instantsOf(timeZone, wall)
          if (got.join() !== expected.join())
            expect([timeZone, new Date(wall), got]).toEqual([timeZone, new Date(wall), expected])
        }
      }
    }
    expect(zones.length).toBeGreaterThan(400)
    expect(minutes).toBeGreaterThan(50_000)
  })

  test('ticks on every day, a skipped one as much later as the clocks are set', () => {
    let ticks = 0
    for (const { timeZone, clock, transitions } of distinct.values()) {
      for (const transition of transitions.slice(0, 4)) {
        const wallBefore = clock(transition - minuteMs) + minuteMs
        for (const minutes of [-1, 0, 1, 29, 30, 59, 60]) {
          const wall = new Date(wallBefore + minutes * minuteMs)
          const cron = `${wall.getUTCMinutes()} ${wall.getUTCHours()} ${wall.getUTCDate()} ${wall.getUTCMonth() + 1} *`
          const [tick] = nextTicks(cron, timeZone, { from: new Date(transition - 86_400_000), count: 1 })
          const [expected] = instantsOf(timeZone, wall.getTime())
          ticks += 1
          if (tick?.getTime() !== expected)
            expect([timeZone, cron, tick]).toEqual([timeZone, cron, new Date(expected ?? 0)])
        }
      }
    }
    expect(ticks).toBeGreaterThan(500)
  })
})
