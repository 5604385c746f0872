import {
  type Change,
  checkHead,
  formatHead,
  genesis,
  type LedgerAction,
  type LedgerEnd,
  type LedgerEntry,
  type LedgerHead,
  type LedgerKeys,
  parseHead,
  sealEntry,
  signHead,
} from '../../domain/ledger.ts'
import type { Database } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import { cutPage, decodeCursor, type Page } from '../query/cursor-page.ts'
import { type Period, within } from '../query/period.ts'
import { coveredKinds, recordStates } from './object-states.ts'
import { entryOf } from './rows.ts'
import { type VerifyRequest, verifyLedger } from './verify.ts'

interface LedgerFilter extends Period {
  action?: LedgerAction
  subject?: string
  actor?: string
  cursor?: string
  limit: number
}

/** The signed end of the chain, also as text. */
interface ExportedHead extends LedgerHead {
  at: string
  head: string
}

export type LedgerStore = ReturnType<typeof createLedgerStore>

/** The ledger. `changes` collects the entries of the transaction over `db`, which appends them as its last step. */
export function createLedgerStore(db: Database, keys: LedgerKeys, changes?: Change[]) {
  return {
    /** Records a change in the transaction that makes it. */
    record(change: Change): void {
      if (!changes) throw new Error('an entry of the ledger belongs into the transaction of its change')
      changes.push(change)
    },

    /**
     * Writes the first entry, once. A ledger of an older version gets one entry from which on it covers objects as they are.
     * Returns false where none of the keys has signed the newest entry: this process has another key than the others.
     */
    async begin(actor: string): Promise<boolean> {
      if (!(await hasStates(db))) {
        const { end, at } = await lockEnd(db)
        const action = end ? 'ledger.adopt' : 'ledger.begin'
        if (!(await hasStates(db)))
          await append(db, keys, {
            end,
            at,
            changes: [{ actor, action, subject: 'ledger', payload: { kinds: coveredKinds } }],
          })
      }
      return (await this.newest()).isKeyKnown
    },

    /** When the newest entry was written, and whether one of the keys signed it. */
    async newest(): Promise<{ at: Date | null; isKeyKnown: boolean }> {
      const last = await db.ledgerEntry.findFirst({ orderBy: { seq: 'desc' }, select: { keyId: true, at: true } })
      return { at: last?.at ?? null, isKeyKnown: keys.some(({ id }) => id === last?.keyId) }
    },

    /** Newest first. */
    async list({ cursor, limit, from, to, ...filter }: LedgerFilter): Promise<Page<LedgerEntry>> {
      const [before] = decodeCursor(cursor, [0]) ?? []
      const rows = await db.ledgerEntry.findMany({
        where: { ...filter, at: within({ from, to }), ...(before === undefined ? {} : { seq: { lt: before } }) },
        orderBy: { seq: 'desc' },
        take: limit + 1,
      })
      return cutPage(rows, limit, { keyOf: (row) => [Number(row.seq)], toItem: entryOf })
    },

    /** A head that was exported before; undefined where the text is none, or was not signed by the key that it names. */
    readHead(text: string): LedgerHead | undefined {
      const head = parseHead(text)
      return head && checkHead(head, keys) !== 'forged' ? head : undefined
    },

    /** Checks entries with the keys of this process. */
    verify: (request: VerifyRequest) => verifyLedger(db, keys, request),

    /** The end of the chain, signed by the key of this process; undefined where the ledger is empty. */
    async head(): Promise<ExportedHead | undefined> {
      const last = await db.ledgerEntry.findFirst({ orderBy: { seq: 'desc' } })
      if (!last) return undefined
      const entry = entryOf(last)
      const head = signHead(entry, keys[0])
      return { ...head, at: entry.at, head: formatHead(head) }
    },
  }
}

/** Appends the entries of changes as the last thing of the transaction `tx`: other appends wait for its end. */
export async function appendEntries(tx: Database, keys: LedgerKeys, changes: readonly Change[]): Promise<void> {
  if (changes.length > 0) await append(tx, keys, { ...(await lockEnd(tx)), changes })
}

/** Whether the ledger has an entry. */
export const hasLedger = async (db: Database): Promise<boolean> =>
  (await db.ledgerEntry.findFirst({ select: { seq: true } })) !== null

const hasStates = async (db: Database) =>
  (await db.ledgerEntry.findFirst({
    where: { OR: [{ seq: 1, payload: { path: ['states', 'count'], gte: 0 } }, { action: 'ledger.adopt' }] },
    select: { seq: true },
  })) !== null

/** The end of the chain, locked until the transaction ends, and the time by the clock of the database. */
async function lockEnd(tx: Database): Promise<{ end: LedgerEnd | undefined; at: string }> {
  const [head] = await prepared<{ seq: string | null; hash: string; now: Date }>(tx)`
    SELECT h.seq::text, h.hash, clock_timestamp() AS now FROM (VALUES (1)) AS one LEFT JOIN lock_ledger_head() h ON true`
  if (!head) throw new Error('the database returned no time')
  const end = head.seq === null ? undefined : { seq: Number(head.seq), hash: head.hash }
  return { end, at: head.now.toISOString() }
}

async function append(
  tx: Database,
  keys: LedgerKeys,
  { end, at, changes }: { end: LedgerEnd | undefined; at: string; changes: readonly Change[] },
): Promise<void> {
  const entries: LedgerEntry[] = []
  for (const change of changes) {
    const { seq, hash } = entries.at(-1) ?? end ?? { seq: 0, hash: genesis }
    const states = await recordStates(tx, change, seq + 1)
    const payload = states ? { ...change.payload, states } : change.payload
    entries.push(sealEntry({ ...change, payload }, { seq: seq + 1, prev: hash, at }, keys[0]))
  }
  await insert(tx, entries)
}

async function insert(tx: Database, entries: readonly LedgerEntry[]): Promise<void> {
  const column = <T>(pick: (entry: LedgerEntry) => T) => entries.map(pick)
  await tx.$executeRaw`
    INSERT INTO ledger_entry (seq, at, actor, action, subject, payload, key_id, prev, hash, mac)
    SELECT g.seq, g.at, actor, action, subject, payload::jsonb, key_id, prev, hash, mac FROM unnest(
      ${column((e) => e.seq)}::bigint[], ${column((e) => e.at)}::timestamptz[], ${column((e) => e.actor)}::text[],
      ${column((e) => e.action)}::text[], ${column((e) => e.subject)}::text[],
      ${column((e) => JSON.stringify(e.payload))}::text[], ${column((e) => e.keyId)}::text[],
      ${column((e) => e.prev)}::text[], ${column((e) => e.hash)}::text[], ${column((e) => e.mac)}::text[]
    ) AS g(seq, at, actor, action, subject, payload, key_id, prev, hash, mac)`
}
