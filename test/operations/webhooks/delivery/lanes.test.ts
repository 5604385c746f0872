import { describe, expect, test } from 'vitest'
import { lanesOf } from '../../../../src/operations/webhooks/delivery/lanes.ts'

describe('what must stay in order', () => {
  const at = (id: number, lane: string, series: string | null = null) => ({ id, lane, series })
  test.each([
    ['one audit', [at(1, 'a'), at(2, 'b'), at(3, 'a')], [[1, 3], [2]]],
    ['one series over audits', [at(1, 'a', 's'), at(2, 'b', 's'), at(3, 'c', 't')], [[1, 2], [3]]],
    ['what is connected by others', [at(1, 'a', 's'), at(2, 'b', 't'), at(3, 'b', 's'), at(4, 'c')], [[1, 2, 3], [4]]],
  ])('is %s', (_, due, lanes) => {
    expect(lanesOf(due).map((lane) => lane.map(({ id }) => id))).toEqual(lanes)
  })
})
