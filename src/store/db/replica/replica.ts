import { pause } from '../../../runtime/sleep.ts'
import { type Database, type DatabaseHandle, openDatabase } from '../database.ts'
import { prepareDatabase } from '../start/prepare.ts'
import { prepared } from '../statements.ts'
import { withFallback } from './fallback.ts'

/** A streaming replica for reads that take long. */
export interface Replica {
  /**
   * The replica, once it has everything that was committed before this call, so that a caller reads its own writes. Undefined when it
   * does not respond, or is too far behind: the primary serves the read.
   */
  current(): Promise<Database | undefined>
  close(): Promise<void>
}

interface ReplicaOptions {
  url: string
  primary: DatabaseHandle
  connections: number
  /** Reports when reads leave the replica, and when they return. */
  log(line: string): void
}

/** How long one read waits for the replica, and how long the next ones do not after it waited in vain. */
const waitMs = 300
const behindForMs = 1_000
const awayForMs = 5_000
const checkEveryMs = 10

/** Opens the replica with the first read; nothing fails for want of it. */
export function createReplica({ url, primary, connections, log }: ReplicaOptions): Replica {
  const closing = new AbortController()
  let opening: Promise<DatabaseHandle> | undefined
  let avoidedUntil = 0
  let avoided: string | undefined
  const avoid = (why: string, forMs: number) => {
    if (avoided !== why) log(`reads use the primary: the replica ${why}`)
    avoided = why
    avoidedUntil = performance.now() + forMs
    return undefined
  }
  const open = async () => {
    const preparation = { purpose: 'read', waitMs: 0, signal: closing.signal, log } as const
    const { url: own } = await prepareDatabase(url, preparation)
    const handle = openDatabase(own, { connections })
    if ((await systemOf(handle.db)) === (await systemOf(primary.db))) return handle
    await handle.close()
    throw new Error('is of another database')
  }
  return {
    async current() {
      if (performance.now() < avoidedUntil) return undefined
      try {
        opening ??= open().catch((error: unknown) => {
          opening = undefined // the next read tries again
          throw error
        })
        const { db } = await opening
        if (!(await catchesUp(db, primary.db))) return avoid('is behind', behindForMs)
        if (avoided !== undefined) log('reads use the replica again')
        avoided = undefined
        return withFallback(db, primary.db)
      } catch (error) {
        return avoid(`cannot be used (${error instanceof Error ? error.message : String(error)})`, awayForMs)
      }
    },
    async close() {
      closing.abort()
      const opened = await opening?.catch(() => undefined) // what never opened needs no end
      await opened?.close()
    },
  }
}

async function catchesUp(replica: Database, primary: Database): Promise<boolean> {
  const [written] = await prepared<{ at: string }>(primary)`SELECT pg_current_wal_flush_lsn()::text AS at`
  for (const until = performance.now() + waitMs; ; ) {
    const [replayed] = await prepared<{ all: boolean }>(replica)`
      SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= ${written?.at}::pg_lsn AS all`
    if (replayed?.all) return true
    if (performance.now() >= until) return false
    await pause(checkEveryMs, new AbortController().signal)
  }
}

/** The same for a server and its replicas. */
async function systemOf(db: Database): Promise<string | undefined> {
  const [row] = await prepared<{ id: string }>(db)`SELECT system_identifier::text AS id FROM pg_control_system()`
  return row?.id
}
