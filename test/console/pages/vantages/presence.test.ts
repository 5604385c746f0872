import { expect, test } from 'vitest'
import { presenceOf } from '../../../../src/console/pages/vantages/presence.ts'

const day = (n: number) => new Date(Date.UTC(2026, 10, n)).toISOString()
const shown = { from: day(10), to: day(17) }
const absence = (from: number, to: number | null) => ({
  vantage: 'a',
  from: day(from),
  to: to === null ? null : day(to),
})

test('a vantage without an absence was present for the whole period', () => {
  expect(presenceOf([], shown)).toEqual({ spans: [{ result: 'pass', from: day(10), to: day(17) }], absentMs: 0 })
})

test('absences in any order fill the period with presence between them, and are cut at its ends', () => {
  expect(presenceOf([absence(16, null), absence(12, 13), absence(8, 11)], shown)).toEqual({
    spans: [
      { result: 'unknown', from: day(10), to: day(11) },
      { result: 'pass', from: day(11), to: day(12) },
      { result: 'unknown', from: day(12), to: day(13) },
      { result: 'pass', from: day(13), to: day(16) },
      { result: 'unknown', from: day(16), to: day(17) },
    ],
    absentMs: 3 * 86_400_000,
  })
})
