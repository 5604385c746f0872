import { describe, expect, test } from 'vitest'
import { readPeriod, readPoints } from '../../../src/api/listing/period.ts'
import { dateToTime, readTime } from '../../../src/api/listing/rfc3339.ts'
import { RefusedError } from '../../../src/domain/errors.ts'

const [early, late] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z']

describe('the period of a query', () => {
  test('has the ends that are given', () => {
    expect(readPeriod({})).toEqual({})
    expect(readPeriod({ from: early, to: late })).toEqual({ from: new Date(early), to: new Date(late) })
  })

  test('is refused if it ends before it starts', () => {
    expect(() => readPeriod({ from: late, to: early })).toThrow(RefusedError)
    expect(() => readPoints({ from: late, to: early, step: 'P1D' }, new Date(late))).toThrow(RefusedError)
  })
})

describe('a date', () => {
  test('is the start of its day where something begins, and its end where something ends', () => {
    expect([dateToTime('2026-11-29', 'start'), dateToTime('2026-11-29', 'end')]).toEqual([
      '2026-11-29T00:00:00.000Z',
      '2026-11-29T23:59:59.999Z',
    ])
  })

  test.each(['2026-11-29T02:00:00Z', '2026-11-29T02:00:00+01:00', 'audit:x', '2026-11', ''])('is not %j', (text) => {
    expect(dateToTime(text, 'end')).toBe(text)
  })

  test('that the calendar does not have is no time', () => {
    expect(readTime(dateToTime('2026-02-30', 'start'))).toBeUndefined()
  })
})
