import { expect, test } from 'vitest'
import { results } from '../../../src/domain/findings/judge.ts'
import { states } from '../../../src/domain/findings/state.ts'
import { cellOf, emptyCell } from '../../../src/domain/history/matrix.ts'

const outcomes = results.flatMap((result) =>
  states.flatMap((state) => [false, true].map((permitted) => ({ result, state, permitted }))),
)

test('every outcome has a cell of two characters of its own', () => {
  const cells = outcomes.map(({ result, state, permitted }) => cellOf(result, state, { permitted }))
  expect(new Set(cells).size).toBe(outcomes.length)
  expect(cells.every((cell) => cell.length === 2 && cell !== emptyCell)).toBe(true)
  expect([cellOf('pass', 'open', { permitted: false }), cellOf('fail', 'open', { permitted: true })]).toEqual([
    'po',
    'Fo',
  ])
})
