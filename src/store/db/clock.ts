import { pause } from '../../runtime/sleep.ts'
import type { Database } from './database.ts'
import { prepared } from './statements.ts'

/** The time that all processes share: the database's. */
export interface DatabaseClock {
  /** The time of the database, within a second. */
  now(): Date
  /** How far the clock of this process is ahead of the database's, in milliseconds; negative when behind. */
  skewMs(): number
  stop(): Promise<void>
}

interface ClockOptions {
  /** Called when the skew exceeds `warnFromMs`, and when it ends. */
  onSkew(skewMs: number): void
  onError(error: unknown): void
  /** Default: the clocks of the system. */
  local?: LocalClocks
}

export interface LocalClocks {
  /** Milliseconds since 1970. */
  wall(): number
  /** Milliseconds since any time; never set. */
  steady(): number
}

/** A larger skew is reported. */
export const warnFromMs = 5_000
/** A smaller skew is not corrected: measuring is not more precise under load. */
const toleratedMs = 1_000
const measureEveryMs = 10_000

const systemClocks: LocalClocks = { wall: () => Date.now(), steady: () => performance.now() }

/**
 * Follows the clock of the database. The clock of this process counts while both agree within a second, else the
 * last measurement plus the time since, by a clock that is never set.
 */
export async function followDatabaseClock(
  db: Database,
  { onSkew, onError, local = systemClocks }: ClockOptions,
): Promise<DatabaseClock> {
  let measured = await measure(db, local)
  const expected = () => measured.at + local.steady() - measured.steady
  const skewMs = () => Math.round(local.wall() - expected())
  const isSkewed = () => Math.abs(skewMs()) > Math.max(warnFromMs, measured.tookMs)
  let reported = false
  const report = () => {
    if (isSkewed() !== reported) onSkew(skewMs())
    reported = isSkewed()
  }
  report()

  const stopping = new AbortController()
  const follow = async () => {
    for (;;) {
      await pause(measureEveryMs, stopping.signal)
      if (stopping.signal.aborted) return
      try {
        measured = await measure(db, local)
        report()
      } catch (error) {
        onError(error)
      }
    }
  }
  const following = follow()
  return {
    now: () => new Date(Math.abs(skewMs()) <= Math.max(toleratedMs, measured.tookMs) ? local.wall() : expected()),
    skewMs,
    async stop() {
      stopping.abort()
      await following
    },
  }
}

/** What an operator reads about a skew. */
export function describeSkew(skewMs: number): string {
  const seconds = Math.round(Math.abs(skewMs) / 1000)
  if (Math.abs(skewMs) <= warnFromMs) return 'the clock of this process agrees with the database again'
  return `the clock of this process is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} the database's: synchronise both machines (NTP); the time of the database is used`
}

/** The time for columns that a change of a row sets: that of the transaction, never of this process. */
export async function timeOfChange(db: Database): Promise<Date> {
  const [row] = await prepared<{ at: Date }>(db)`SELECT now() AS at`
  if (!row) throw new Error('the database returned no time')
  return row.at
}

/** The time of the database in the middle of a round trip. */
async function measure(db: Database, local: LocalClocks): Promise<{ at: number; steady: number; tookMs: number }> {
  const before = local.steady()
  const [row] = await prepared<{ at: Date }>(db)`SELECT clock_timestamp() AS at`
  if (!row) throw new Error('the database returned no time')
  const after = local.steady()
  return { at: row.at.getTime(), steady: (before + after) / 2, tookMs: after - before }
}
