import type { Evidence } from '../../domain/findings/evidence.ts'
import { type Result, results } from '../../domain/findings/judge.ts'
import { type ReasonCode, reasonCodes, renamedReasons } from '../../domain/findings/reasons.ts'
import { type State, states } from '../../domain/findings/state.ts'
import type { Database } from './database.ts'

/** The stored spelling of results, states, reasons and evidence. */
export interface Codes {
  result: CodeBook<Result>
  state: CodeBook<State>
  reason: CodeBook<ReasonCode>
  evidence: EvidenceSpelling
}

interface CodeBook<W extends string> {
  numberOf(word: W): number
  wordOf(number: number): W
}

/** Evidence keeps one spelling of a reason for ever: its digest identifies it, and the ledger signs its content. */
interface EvidenceSpelling {
  toStored(evidence: Evidence): Evidence
  fromStored(evidence: Evidence): Evidence
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

/** Loads the code books. Results and states are numbered by their index in the domain's lists, which grow at the end only. */
export async function loadCodes(db: Database): Promise<Codes> {
  await addReasons(db)
  // The oldest row of a reason is the last entry, so that it is the one that is written.
  const stored = await db.reason.findMany({ orderBy: { id: 'desc' } })
  return {
    result: codeBook(results.map((word, index) => [word, index] as const)),
    state: codeBook(states.map((word, index) => [word, index] as const)),
    reason: codeBook(stored.map(({ id, code }) => [presentCode(code), id] as const)),
    evidence: spellingOf(new Map(stored.map(({ code }) => [presentCode(code), code]))),
  }
}

const renamed: Readonly<Record<string, ReasonCode>> = renamedReasons
const presentCode = (code: string): ReasonCode => renamed[code] ?? (code as ReasonCode)

/** Adds the reasons that are missing. The row of a renamed reason stays, because the ledger signs its text, and stands for the present code. */
async function addReasons(db: Database): Promise<void> {
  const former = new Map(Object.entries(renamed).map(([old, present]) => [present, old]))
  await db.$executeRaw`
    INSERT INTO reason (code)
    SELECT code FROM unnest(${reasonCodes}::text[], ${reasonCodes.map((code) => former.get(code) ?? null)}::text[]) AS given(code, former)
    WHERE NOT EXISTS (SELECT FROM reason r WHERE r.code IN (given.code, given.former)) ON CONFLICT (code) DO NOTHING`
}

function spellingOf(stored: ReadonlyMap<ReasonCode, string>): EvidenceSpelling {
  const old = [...stored].some(([present, code]) => present !== code)
  if (!old) return { toStored: (evidence) => evidence, fromStored: (evidence) => evidence }
  return {
    toStored: (evidence) => spell(evidence, (code) => (stored.get(code) ?? code) as ReasonCode),
    fromStored: (evidence) => spell(evidence, presentCode),
  }
}

type Addresses = Evidence['addresses']

function spell(evidence: Evidence, spelled: (code: ReasonCode) => ReasonCode): Evidence {
  const inAll = (addresses: Addresses): Addresses =>
    mapValues(addresses, (seen) => ({ ...seen, reason: spelled(seen.reason) }))
  const addresses = inAll(evidence.addresses)
  return evidence.unlike
    ? { ...evidence, addresses, unlike: mapValues(evidence.unlike, inAll) }
    : { ...evidence, addresses }
}

const mapValues = <V>(record: Record<string, V>, map: (value: V) => V): Record<string, V> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
