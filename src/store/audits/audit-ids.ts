import { randomBytes, randomInt } from 'node:crypto'
import { v7 } from 'uuid'
import type { Database } from '../db/database.ts'
import { prepared } from '../db/statements.ts'

/** Ids of new audits, and the time that they hold. */
export interface NewAuditIds {
  at: Date
  ids: string[]
}

/**
 * Ids by the clock of the database, because an id decides in which partition the findings are stored, and the order of listings.
 * Makes sure that the partition exists.
 */
export async function newAuditIds(db: Database, count: number): Promise<NewAuditIds> {
  // Rounded as the column `created_at` is.
  const [row] = await prepared<{ at: Date }>(db)`
    SELECT at, ensure_finding_partition(at)::text AS ensured FROM (SELECT now()::timestamptz(3) AS at) AS time`
  if (!row) throw new Error('the database returned no time')
  return { at: row.at, ids: Array.from({ length: count }, () => nextId(row.at.getTime())) }
}

/** A transaction may begin before another and get its ids later. */
const reorderedMs = 1_000
const last = { msecs: 0, seq: 0 }

/** A UUIDv7 (RFC 9562 section 5.7) above the one before, unless the clock was set back. */
function nextId(nowMs: number): string {
  if (nowMs > last.msecs || nowMs < last.msecs - reorderedMs) {
    last.msecs = nowMs
    last.seq = randomInt(2 ** 31)
  } else last.seq += 1
  return v7({ msecs: last.msecs, seq: last.seq, random: randomBytes(16) })
}
