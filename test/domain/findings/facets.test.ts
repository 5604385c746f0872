import { expect, test } from 'vitest'
import { facetsOf, type Tally } from '../../../src/domain/findings/facets.ts'

const tally = (more: Partial<Tally>): Tally => ({
  result: 'fail',
  severity: 'high',
  policy: 'p',
  rule: 'ssh',
  vantage: 'local',
  zones: ['client'],
  reason: 'unexpected-state',
  waived: false,
  count: 1,
  ...more,
})
const tallies = [
  tally({ count: 3 }),
  tally({ rule: 'https', severity: 'low', count: 2 }),
  tally({ result: 'pass', reason: 'as-expected', count: 10 }),
  tally({ vantage: 'branch', zones: ['client', 'branch'], waived: true, count: 4 }),
]

test('without a choice everything counts', () => {
  const { total, facets } = facetsOf(tallies, { rule: [] })
  expect(total).toBe(19)
  expect(facets.result).toEqual([
    { value: 'pass', count: 10 },
    { value: 'fail', count: 9 },
  ])
  expect(facets.zone).toEqual([
    { value: 'client', count: 19 },
    { value: 'branch', count: 4 },
  ])
})

test('a facet shows what its other values would choose, beside the choice in all other facets', () => {
  const { total, facets } = facetsOf(tallies, { result: ['fail'], waived: ['false'] })
  expect(total).toBe(5)
  expect(facets.result).toEqual([
    { value: 'pass', count: 10 },
    { value: 'fail', count: 5 },
  ])
  expect(facets.waived).toEqual([
    { value: 'false', count: 5 },
    { value: 'true', count: 4 },
  ])
  expect(facets.rule).toEqual([
    { value: 'ssh', count: 3 },
    { value: 'https', count: 2 },
  ])
  expect(facets.severity.map(({ value }) => value)).toEqual(['high', 'low'])
})

test('several values of a facet choose any of them, and a rule without a severity is in none', () => {
  const { total, facets } = facetsOf([...tallies, tally({ severity: null })], {
    rule: ['ssh', 'https'],
    zone: ['branch'],
  })
  expect([total, facets.severity]).toEqual([4, [{ value: 'high', count: 4 }]])
})
