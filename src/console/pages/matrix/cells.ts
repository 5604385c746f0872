import type { ShownResult } from '../../parts/results/results.ts'

/** The letters of the API: a test compares them with those of the service. */
export const resultsByLetter: Readonly<Record<string, Exclude<ShownResult, 'waived'>>> = {
  p: 'pass',
  f: 'fail',
  u: 'unknown',
  e: 'error',
  a: 'notapplicable',
  n: 'notchecked',
}
export const statesByLetter: Readonly<Record<string, string>> = {
  o: 'open',
  c: 'closed',
  f: 'filtered',
  u: 'unreachable',
  r: 'unresolved',
  '-': 'unknown',
}

export interface Cell {
  result: ShownResult
  state: string
  /** A waiver accepts the failure, or a window is open. */
  isPermitted: boolean
}

/** The outcome in a column of a row; undefined if there is none. */
export function cellAt(cells: string, column: number): Cell | undefined {
  const letter = cells[column * 2] ?? '-'
  const result = resultsByLetter[letter.toLowerCase()]
  if (!result) return undefined
  const isPermitted = letter !== letter.toLowerCase()
  return {
    result: result === 'fail' && isPermitted ? 'waived' : result,
    state: statesByLetter[cells[column * 2 + 1] ?? '-'] ?? 'unknown',
    isPermitted,
  }
}

/** What a cell can show: a result, a state or an age. */
export type Kind =
  | ShownResult
  | 'open'
  | 'closed'
  | 'filtered'
  | 'unreachable'
  | 'unresolved'
  | 'fresh'
  | 'days'
  | 'week'
  | 'never'

const kindsByState: Readonly<Record<string, Kind>> = {
  ...{ o: 'open', c: 'closed', f: 'filtered', u: 'unreachable' },
  ...{ r: 'unresolved', '-': 'unresolved' },
}

/** The kind of a cell: of a letter of its result, of its state, or of its age; undefined where there is no outcome. */
export function kindAt(
  shows: 'result' | 'state' | 'age',
  { cells, ages = '' }: { cells: string; ages?: string | undefined },
  column: number,
): Kind | undefined {
  const letter = cells[column * 2] ?? '-'
  if (letter === '-') return undefined
  if (shows === 'state' && !/[an]/i.test(letter)) return kindsByState[cells[column * 2 + 1] ?? '-']
  if (shows === 'age') return kindOfAge(ages[column] ?? '-')
  return letter === 'F' ? 'waived' : resultsByLetter[letter.toLowerCase()]
}

const kindOfAge = (age: string): Kind => (age === '-' ? 'never' : age < '2' ? 'fresh' : age < '7' ? 'days' : 'week')

/** The failures of a row that nothing permits. */
export const failuresIn = (cells: string): number => {
  let count = 0
  for (let index = 0; index < cells.length; index += 2) if (cells[index] === 'f') count++
  return count
}

export interface Position {
  row: number
  /** -1 is the name of the target. */
  column: number
}

/** Where a key leads; undefined for other keys. */
export function moveBy(
  key: string,
  { row, column }: Position,
  { rows, columns, page, isFar }: { rows: number; columns: number; page: number; isFar: boolean },
): Position | undefined {
  const moves: Readonly<Record<string, Position>> = {
    ArrowUp: { row: row - 1, column },
    ArrowDown: { row: row + 1, column },
    ArrowLeft: { row, column: column - 1 },
    ArrowRight: { row, column: column + 1 },
    PageUp: { row: row - page, column },
    PageDown: { row: row + page, column },
    Home: { row: isFar ? 0 : row, column: -1 },
    End: { row: isFar ? rows - 1 : row, column: columns - 1 },
  }
  const moved = Object.hasOwn(moves, key) ? moves[key] : undefined
  return (
    moved && {
      row: Math.min(rows - 1, Math.max(0, moved.row)),
      column: Math.min(columns - 1, Math.max(-1, moved.column)),
    }
  )
}
