import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Counts, noCounts } from '../../../src/domain/findings/verdict.ts'
import { scoreOf } from '../../../src/domain/history/compliance.ts'

describe('the score of a group', () => {
  const rows: [Partial<Counts>, number | null][] = [
    [{ pass: 4 }, 1],
    [{ pass: 3, fail: 1 }, 0.75],
    [{ pass: 1, unknown: 1 }, 0.5],
    [{ pass: 1, error: 3 }, 0.25],
    [{ fail: 2 }, 0],
    [{ pass: 1, notapplicable: 9, notchecked: 9 }, 1],
    [{ notapplicable: 2, notchecked: 3 }, null],
    [{}, null],
  ]
  test.each(rows)('of %o is %o: unknown results count against it, unchecked ones do not', (some, score) => {
    const counts = { ...noCounts, ...some }
    expect(scoreOf(counts)).toMatchObject({ counts, score })
  })

  test('comes with how much was checked, and how much was not', () => {
    const counts = { ...noCounts, pass: 1, fail: 2, unknown: 3, error: 4, notapplicable: 5, notchecked: 6 }
    expect(scoreOf(counts).coverage).toEqual({ checked: 10, notchecked: 6 })
  })

  const anyCounts = fc.record({
    pass: fc.nat(),
    fail: fc.nat(),
    unknown: fc.nat(),
    error: fc.nat(),
    notapplicable: fc.nat(),
    notchecked: fc.nat(),
  })
  test('is from 0 to 1, and 1 only when everything that was checked passed', () => {
    fc.assert(
      fc.property(anyCounts, (counts) => {
        const { score } = scoreOf(counts)
        if (score === null) return expect(counts.pass + counts.fail + counts.unknown + counts.error).toBe(0)
        expect(score).toBeGreaterThanOrEqual(0)
        expect(score).toBeLessThanOrEqual(1)
        if (score === 1) expect([counts.fail, counts.unknown, counts.error]).toEqual([0, 0, 0])
      }),
    )
  })
})
