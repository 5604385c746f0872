import { expect, test } from 'vitest'
import { boundsOf, portsOf, rangesOf } from '../../../src/domain/policy/port-set.ts'

test('a set is the same ports in ascending order, each once', () => {
  expect(portsOf([443, '20-22', 22])).toEqual([20, 21, 22, 443])
  expect(portsOf(['1-65535'])).toHaveLength(65_535)
})

test('equal sets give equal ranges', () => {
  expect(rangesOf(portsOf([443, '20-22']))).toEqual(['20-22', '443'])
  expect(rangesOf([22, 443, 21, 20, 20])).toEqual(['20-22', '443'])
})

test.each([0, 65_536, '0-5', '5-4', '1-65536', '22-', 'a', 1.5, null])('%j is no port and no range', (item) => {
  expect(boundsOf(item)).toBeUndefined()
})
