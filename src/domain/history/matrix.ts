import type { Result } from '../findings/judge.ts'
import type { State } from '../findings/state.ts'

/** The letters of results in a cell; a capital says that a waiver or a window is in force. */
export const resultLetters: Readonly<Record<Result, string>> = {
  pass: 'p',
  fail: 'f',
  unknown: 'u',
  error: 'e',
  notapplicable: 'a',
  notchecked: 'n',
}

/** The letters of states in a cell. */
export const stateLetters: Readonly<Record<State, string>> = {
  open: 'o',
  closed: 'c',
  filtered: 'f',
  unreachable: 'u',
  unresolved: 'r',
  unknown: '-',
}

/** The cell of a series without an outcome. */
export const emptyCell = '--'

/** One outcome in two characters: its result and its state. */
export function cellOf(result: Result, state: State, { permitted }: { permitted: boolean }): string {
  const letter = resultLetters[result]
  return (permitted ? letter.toUpperCase() : letter) + stateLetters[state]
}

const dayMs = 86_400_000
/** The largest age: so many days, or more. */
export const oldestAge = 9

/** The age of a confirmation in one character: its whole days up to `oldestAge`; `-` where there is none. */
export const ageOf = (confirmedAt: Date | undefined, at: Date): string =>
  confirmedAt === undefined
    ? '-'
    : String(Math.min(oldestAge, Math.max(0, Math.floor((at.getTime() - confirmedAt.getTime()) / dayMs))))
