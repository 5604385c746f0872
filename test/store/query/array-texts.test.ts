import { expect, test } from 'vitest'
import { integers, plainTexts } from '../../../src/store/query/array-texts.ts'

test('lists of integers are texts of arrays', () => {
  expect(integers([])).toBe('{}')
  expect(integers([1, -2, 3])).toBe('{1,-2,3}')
  expect(integers([1, null, 3])).toBe('{1,NULL,3}')
})

test('lists of digests, ids and times are texts of arrays', () => {
  const time = '2026-01-02T03:04:05.678Z'
  expect(plainTexts(['00ff', null, time])).toBe(`{00ff,NULL,${time}}`)
})

test.each(['', 'a,b', '}', '"', '\\', ' ', 'NULL', 'ä'])(
  '%j is refused, because it would be another element',
  (text) => {
    expect(() => plainTexts([text])).toThrow(RangeError)
  },
)
