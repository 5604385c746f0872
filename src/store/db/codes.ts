import { type Result, results } from '../../domain/findings/judge.ts'
import { type State, states } from '../../domain/findings/observation.ts'
import { type ReasonCode, reasonCodes } from '../../domain/findings/reasons.ts'
import type { Database } from './database.ts'

/** The numbers that stand for words in findings and spans, both ways. */
export interface Codes {
  result: CodeBook<Result>
  state: CodeBook<State>
  reason: CodeBook<ReasonCode>
}

interface CodeBook<W extends string> {
  numberOf(word: W): number
  wordOf(number: number): W
}

function codeBook<W extends string>(entries: readonly (readonly [W, number])[]): CodeBook<W> {
  const numbers = new Map(entries)
  const words = new Map(entries.map(([word, number]) => [number, word]))
  const found = <T>(value: T | undefined, key: unknown): T => {
    if (value === undefined) throw new Error(`no code for ${String(key)}: the database was written by a newer version`)
    return value
  }
  return { numberOf: (word) => found(numbers.get(word), word), wordOf: (number) => found(words.get(number), number) }
}

/** Loads the code books. Results and states are numbered by their place in the domain's lists, which only ever grow at the end. */
export async function loadCodes(db: Database): Promise<Codes> {
  await db.$executeRaw`
    INSERT INTO reason (code) SELECT code FROM unnest(${reasonCodes}::text[]) AS given(code)
    WHERE NOT EXISTS (SELECT FROM reason r WHERE r.code = given.code) ON CONFLICT (code) DO NOTHING`
  const stored = await db.reason.findMany()
  return {
    result: codeBook(results.map((word, index) => [word, index] as const)),
    state: codeBook(states.map((word, index) => [word, index] as const)),
    reason: codeBook(stored.map(({ id, code }) => [code as ReasonCode, id] as const)),
  }
}
