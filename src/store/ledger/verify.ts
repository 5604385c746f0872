import {
  checkEntry,
  checkHead,
  genesis,
  type LedgerEnd,
  type LedgerEntry,
  type LedgerHead,
  type LedgerKey,
} from '../../domain/ledger.ts'
import type { Database } from '../db/database.ts'
import { entryOf } from './rows.ts'
import { broken, type Verification } from './verification.ts'
import { createRecordChecker } from './verify-records.ts'

export interface VerifyRequest {
  /** The first entry that is checked. */
  from: number
  /** How many entries at the most. */
  limit: number
  /** What the chain must still hold. */
  head?: LedgerHead
  /** Checks policies, audits and their findings too, until so many findings were read; undefined: does not. */
  findings?: number
}

const entriesPerRead = 1_000
const noFindings = { audits: 0, dropped: 0, older: 0, adopted: 0, unproven: 0, firstUnproven: null }

/**
 * Checks entries in their order, and says what is wrong with the first one that is. Reads a thousand at a time, so that memory
 * stays the same however long the ledger is. Undefined where `from` is behind the end.
 */
export async function verifyLedger(
  db: Database,
  keys: readonly LedgerKey[],
  { from, limit, head, findings }: VerifyRequest,
): Promise<Verification | undefined> {
  const found: Verification = {
    verdict: 'intact',
    entries: 0,
    broken: null,
    unverified: [],
    findings: findings === undefined ? null : { ...noFindings },
    next: null,
  }
  let previous = await before(db, from)
  if (!previous) return undefined
  const checkFindings =
    findings === undefined ? undefined : await createRecordChecker(db, { keys, found, maxFindings: findings })
  for await (const entry of entriesAfter(db, previous.seq)) {
    const spent = checkFindings?.spent() ?? false
    if (found.entries === limit || spent) {
      found.next = entry.seq
      break
    }
    found.broken = await issueOf(db, entry, { previous, keys, found, checkFindings: checkFindings?.check })
    if (found.broken) return { ...found, verdict: 'broken' }
    found.entries += 1
    previous = entry
  }
  if (previous.seq === 0 && found.next === null) found.broken = broken(1, 'missing', 'the ledger is empty')
  else if (head) found.broken = await issueOfHead(db, head)
  if (checkFindings && !found.broken && found.next === null)
    found.broken = await checkFindings.checkPresent(previous.seq + 1)
  const doubted = found.unverified.length > 0 || (head && checkHead(head, keys) === 'unverified')
  return { ...found, verdict: found.broken ? 'broken' : doubted ? 'unverified' : 'intact' }
}

/** The entry before one; undefined where there is none. */
async function before(db: Database, seq: number): Promise<LedgerEnd | undefined> {
  if (seq === 1) return { seq: 0, hash: genesis }
  const row = await db.ledgerEntry.findUnique({ where: { seq: seq - 1 } })
  return row ? entryOf(row) : undefined
}

/** The entries after `seq`; after 0 also those before the first, which belong to no chain. */
async function* entriesAfter(db: Database, seq: number): AsyncGenerator<LedgerEntry> {
  for (let after = seq === 0 ? undefined : BigInt(seq); ; ) {
    const rows = await db.ledgerEntry.findMany({
      where: after === undefined ? {} : { seq: { gt: after } },
      orderBy: { seq: 'asc' },
      take: entriesPerRead,
    })
    for (const row of rows) yield entryOf(row)
    after = rows.at(-1)?.seq
    if (after === undefined) return
  }
}

interface Checking {
  previous: LedgerEnd
  keys: readonly LedgerKey[]
  found: Verification
  checkFindings: ((entry: LedgerEntry) => Promise<Verification['broken']>) | undefined
}

async function issueOf(
  db: Database,
  entry: LedgerEntry,
  { previous, keys, found, checkFindings }: Checking,
): Promise<Verification['broken']> {
  const expected = previous.seq + 1
  if (entry.seq < expected) return broken(expected, 'order', `entry ${entry.seq} stands before the first`)
  const check = checkEntry(entry, previous, keys)
  if (check === 'changed') return broken(entry.seq, 'changed', 'what it says does not fit its hash')
  if (check === 'forged')
    return broken(entry.seq, 'forged', 'its hash was not signed by the key that it names: it was made anew')
  if (check === 'misplaced') return misplacement(db, entry, previous)
  if (check === 'unverified') {
    const known = found.unverified.find(({ keyId }) => keyId === entry.keyId)
    if (known) known.entries += 1
    else found.unverified.push({ keyId: entry.keyId, entries: 1, firstSeq: entry.seq })
    return null // without the key its content proves nothing
  }
  return (await checkFindings?.(entry)) ?? null
}

/** Distinguishes a missing entry from a changed order. */
async function misplacement(db: Database, entry: LedgerEntry, previous: LedgerEnd): Promise<Verification['broken']> {
  const expected = previous.seq + 1
  const follows = entry.prev === genesis || (await db.ledgerEntry.count({ where: { hash: entry.prev } })) > 0
  if (follows) return broken(expected, 'order', 'another entry stands here: the order was changed')
  return broken(expected, 'missing', `entry ${entry.seq} follows one that is not there any more`)
}

async function issueOfHead(db: Database, head: LedgerHead): Promise<Verification['broken']> {
  const row = await db.ledgerEntry.findUnique({ where: { seq: head.seq } })
  if (row?.hash === head.hash) return null
  const last = Number((await db.ledgerEntry.findFirst({ orderBy: { seq: 'desc' } }))?.seq ?? 0)
  const seq = Math.min(head.seq, last + 1)
  return broken(seq, 'cut', `the head was entry ${head.seq}, which is not there: the tail was cut`)
}
