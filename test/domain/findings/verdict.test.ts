import { describe, expect, test } from 'vitest'
import { type Counts, coverageOf, noCounts, type Verdict, verdictOf } from '../../../src/domain/findings/verdict.ts'

const counts = (some: Partial<Counts>): Counts => ({ ...noCounts, ...some })

describe('the verdict', () => {
  test.each<[string, Partial<Counts>, Verdict]>([
    ['all that was probed passes', { pass: 3 }, 'pass'],
    ['what was not checked takes no pass away', { pass: 1, notchecked: 9, notapplicable: 9 }, 'pass'],
    ['one failure decides', { pass: 9, fail: 1 }, 'fail'],
    ['a failure outweighs what is not known', { fail: 1, unknown: 9, error: 9 }, 'fail'],
    ['one unknown leaves it open', { pass: 9, unknown: 1 }, 'inconclusive'],
    ['one error leaves it open', { pass: 9, error: 1 }, 'inconclusive'],
    ['nothing was checked', { notchecked: 5, notapplicable: 5 }, 'inconclusive'],
    ['there was nothing at all', {}, 'inconclusive'],
  ])('%s: %o is %s', (_, some, verdict) => {
    expect(verdictOf(counts(some))).toBe(verdict)
  })
})

test('coverage counts what was probed and what no vantage could probe, not what does not apply', () => {
  const all = counts({ pass: 1, fail: 2, unknown: 4, error: 8, notapplicable: 16, notchecked: 32 })
  expect(coverageOf(all)).toEqual({ checked: 15, notchecked: 32 })
})
