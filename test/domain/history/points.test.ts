import { describe, expect, test } from 'vitest'
import { countPoints, pointsOf, readStep, stepPattern } from '../../../src/domain/history/points.ts'

const at = (time: string) => new Date(`2026-03-${time}Z`)
const lines = (points: readonly Date[]) => points.map((point) => point.toISOString().slice(8, 16))

describe('a step', () => {
  test.each([
    ['P1D', 86_400_000],
    ['P30D', 30 * 86_400_000],
    ['PT6H', 6 * 3_600_000],
    ['PT15M', 15 * 60_000],
  ])('%s is %i ms', (step, ms) => {
    expect([new RegExp(stepPattern).test(step), readStep(step)]).toEqual([true, ms])
  })

  test.each(['P0D', 'P1M', 'PT1S', '1d', 'P1D ', 'PT', 'P1DT1H', 'P-1D', 'P99999D'])('is not %j', (step) => {
    expect(new RegExp(stepPattern).test(step)).toBe(false)
  })
})

describe('the points of a period', () => {
  const period = { from: at('01T12:00:00'), to: at('03T12:00:00'), step: 86_400_000 }
  const later = at('09T00:00:00')

  test('are its start, what follows in steps, and its end where a step comes to it', () => {
    expect(lines(pointsOf(period, later))).toEqual(['01T12:00', '02T12:00', '03T12:00'])
    expect(lines(pointsOf({ ...period, to: at('03T11:59:59.999') }, later))).toEqual(['01T12:00', '02T12:00'])
    expect(lines(pointsOf({ ...period, to: period.from }, later))).toEqual(['01T12:00'])
  })

  test('are those that have come', () => {
    expect(lines(pointsOf(period, at('02T12:00:00')))).toEqual(['01T12:00', '02T12:00'])
    expect(lines(pointsOf(period, at('01T11:59:59')))).toEqual([])
  })

  test('are as many as are counted', () => {
    expect(countPoints(period)).toBe(3)
    expect(countPoints({ ...period, step: 3_600_000 })).toBe(49)
  })
})
