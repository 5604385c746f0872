import { describe, expect, test } from 'vitest'
import {
  cellAt,
  failuresIn,
  kindAt,
  moveBy,
  resultsByLetter,
  statesByLetter,
} from '../../../../src/console/pages/matrix/cells.ts'
import type { Result } from '../../../../src/domain/findings/judge.ts'
import type { State } from '../../../../src/domain/findings/state.ts'
import { cellOf, emptyCell, resultLetters, stateLetters } from '../../../../src/domain/history/matrix.ts'

const inverse = (letters: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(letters).map(([word, letter]) => [letter, word]))

test('the letters are those of the service', () => {
  expect(resultsByLetter).toEqual(inverse(resultLetters))
  expect(statesByLetter).toEqual(inverse(stateLetters))
})

test.each<[Result, State, boolean, object]>([
  ['pass', 'closed', false, { result: 'pass', state: 'closed', isPermitted: false }],
  ['fail', 'open', false, { result: 'fail', state: 'open', isPermitted: false }],
  ['fail', 'open', true, { result: 'waived', state: 'open', isPermitted: true }],
  ['pass', 'open', true, { result: 'pass', state: 'open', isPermitted: true }],
  ['unknown', 'unknown', false, { result: 'unknown', state: 'unknown', isPermitted: false }],
])('a cell of %s, %s, permitted %s reads back', (result, state, permitted, cell) => {
  expect(cellAt(emptyCell + cellOf(result, state, { permitted }), 1)).toEqual(cell)
})

test('an empty cell, and one that a row does not have, are no outcome', () => {
  expect([cellAt(emptyCell, 0), cellAt('po', 1)]).toEqual([undefined, undefined])
})

test('the kind of a cell is that of its result, its state or its age', () => {
  const row = { cells: `poFofcu-${emptyCell}`, ages: '0259-' }
  const kinds = (shows: 'result' | 'state' | 'age') => [0, 1, 2, 3, 4].map((column) => kindAt(shows, row, column))
  expect(kinds('result')).toEqual(['pass', 'waived', 'fail', 'unknown', undefined])
  expect(kinds('state')).toEqual(['open', 'open', 'closed', 'unresolved', undefined])
  expect(kinds('age')).toEqual(['fresh', 'days', 'days', 'week', undefined])
  expect(kindAt('age', { cells: 'po' }, 0)).toBe('never')
  expect(kindAt('state', { cells: 'n-' }, 0)).toBe('notchecked')
})

test('the failures of a row are those that nothing permits', () => {
  expect(failuresIn('foFopfffpf')).toBe(2)
})

describe('in a matrix of 100 rows and 5 columns', () => {
  const bounds = { rows: 100, columns: 5, page: 20, isFar: false }
  test.each([
    ['ArrowDown', [50, 2], [51, 2]],
    ['ArrowUp', [0, 2], [0, 2]],
    ['ArrowLeft', [50, 0], [50, -1]],
    ['ArrowLeft', [50, -1], [50, -1]],
    ['ArrowRight', [50, 4], [50, 4]],
    ['PageDown', [90, 2], [99, 2]],
    ['PageUp', [50, 2], [30, 2]],
    ['Home', [50, 2], [50, -1]],
    ['End', [50, 2], [50, 4]],
  ])('%s leads from %j to %j', (key, [row = 0, column = 0], [toRow, toColumn]) => {
    expect(moveBy(key, { row, column }, bounds)).toEqual({ row: toRow, column: toColumn })
  })

  test.each([
    ['Home', { row: 0, column: -1 }],
    ['End', { row: 99, column: 4 }],
  ])('Ctrl+%s leads to %j', (key, to) => {
    expect(moveBy(key, { row: 50, column: 2 }, { ...bounds, isFar: true })).toEqual(to)
  })

  test('other keys lead nowhere', () => {
    expect(['a', 'Tab', 'constructor'].map((key) => moveBy(key, { row: 1, column: 1 }, bounds))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })
})
