import { expect, test } from 'vitest'
import { nightsOf, nightsText, type Run } from '../../../../src/console/pages/schedules/nights.ts'

const run = (dueAt: string, outcome: Run['outcome']): Run => ({ dueAt, outcome, reason: null })
const end = new Date('2026-11-30T20:00:00Z')

test('a night belongs to the day in the zone of the schedule', () => {
  const late = [run('2026-11-29T22:30:00Z', 'audit')]
  const dayOf = (timeZone: string) => nightsOf(late, timeZone, end, 3).find((night) => night.run)?.day
  expect([dayOf('UTC'), dayOf('Europe/Berlin'), dayOf('Asia/Tokyo')]).toEqual([
    '2026-11-29',
    '2026-11-29',
    '2026-11-30',
  ])
})

test('the days are complete across the change to winter time', () => {
  const days = nightsOf([], 'Europe/Berlin', new Date('2026-10-26T12:00:00Z'), 3).map(({ day }) => day)
  expect(days).toEqual(['2026-10-24', '2026-10-25', '2026-10-26'])
})

test('the worst run of a day counts, and a later run does not', () => {
  const nights = nightsOf(
    [
      run('2026-11-29T01:00:00Z', 'audit'),
      run('2026-11-29T02:00:00Z', 'missed'),
      run('2026-11-30T01:00:00Z', 'caught-up'),
      run('2026-11-30T21:00:00Z', 'refused'),
    ],
    'UTC',
    end,
    2,
  )
  expect(nights.map((night) => night.run?.outcome)).toEqual(['missed', 'caught-up'])
  expect(nightsText(nights)).toBe('1 of 2 days ran, 1 missed')
  expect(nightsText([])).toBe('no run yet')
})
