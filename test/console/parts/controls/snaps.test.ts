import { expect, test } from 'vitest'
import { nearestSnap, nextSnap } from '../../../../src/console/parts/controls/snaps.ts'

const dayMs = 86_400_000
const bounds = { from: 0, to: 30 * dayMs, snaps: [10, 20].map((day) => ({ at: day * dayMs, label: `run ${day}` })) }

test.each([
  [10.1, 10],
  [9.8, 10],
  [12, 12],
  [20, 20],
])('a handle at day %d rests at day %d', (day, rests) => {
  expect(nearestSnap(day * dayMs, bounds) / dayMs).toBe(rests)
})

test.each([
  ['ArrowRight', 5, 10],
  ['ArrowRight', 10, 20],
  ['ArrowUp', 20, 30],
  ['ArrowRight', 30, 30],
  ['ArrowLeft', 20, 10],
  ['ArrowDown', 10, 0],
  ['PageUp', 10, 11],
  ['PageDown', 0.5, 0],
  ['Home', 10, 0],
  ['End', 10, 30],
])('%s leads from day %d to day %d', (key, from, to) => {
  expect((nextSnap(key, from * dayMs, bounds) ?? -1) / dayMs).toBe(to)
})

test('without anything to snap to, arrows go a tenth of the period; other keys lead nowhere', () => {
  const alone = { ...bounds, snaps: [] }
  expect((nextSnap('ArrowRight', 0, alone) ?? -1) / dayMs).toBe(3)
  expect((nextSnap('ArrowLeft', dayMs, alone) ?? -1) / dayMs).toBe(0)
  expect(nextSnap('a', 0, bounds)).toBeUndefined()
})
