import { expect, test } from 'vitest'
import { horizonOf } from '../../../../src/console/pages/certificates/horizon.ts'

test('the horizon has what ended, and the ends of twelve months, each once', () => {
  const now = new Date('2026-11-22T12:00:00Z')
  const ends = [
    ...['2020-01-01T00:00:00Z', '2026-11-22T11:59:59Z', '2026-11-22T12:00:00Z', '2026-11-30T23:59:59Z'],
    ...['2026-12-01T00:00:00Z', '2027-10-31T00:00:00Z', '2027-11-01T00:00:00Z'],
  ]
  const horizon = horizonOf(ends, now)
  expect(horizon.map(({ label }) => label).join()).toBe('Ended,Nov,Dec,Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sept,Oct')
  expect(horizon.map(({ count }) => count)).toEqual([2, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
  expect(horizon.at(-1)).toMatchObject({ from: '2027-10-01T00:00:00.000Z', to: '2027-11-01T00:00:00.000Z' })
})
