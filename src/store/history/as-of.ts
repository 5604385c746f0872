import type { Database } from '../db/database.ts'
import { prepared } from '../db/statements.ts'

/** Longest delay between reading a clock and its publication. */
const usualMarginMs = 2_000

/** The start of the next incremental read. */
export function createChangeStore(db: Database, { marginMs = usualMarginMs } = {}) {
  return {
    /**
     * The time from which the next read must start to miss nothing, if this read starts after this call. A row that is not
     * visible to it then is of a transaction that runs now or begins later, and `changed_at` is of the time of writing: not before
     * the start of its transaction. A process with another role in the database would not be seen.
     */
    async asOf(): Promise<string> {
      const [row] = await prepared<{ at: Date }>(db)`
        SELECT least(now(), min(xact_start)) - make_interval(secs => ${marginMs / 1000}::float8) AS at FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'`
      if (!row) throw new Error('the database did not say what time it is')
      return row.at.toISOString()
    },
  }
}
