import { describe, expect, test } from 'vitest'
import { readPeriod, readPoints } from '../../../src/api/listing/period.ts'
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
