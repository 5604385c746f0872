import type { Audit } from '../../domain/audits.ts'
import { isAbsent } from '../../domain/vantages/presence.ts'
import type { Stores } from '../../store/db/stores.ts'

/** How far a vantage is with a running audit, in batches of checks that are planned. */
export interface VantageProgress {
  name: string
  done: number
  total: number
  /** The last heartbeat; null: none yet. */
  lastSeenAt: string | null
  /** Until when the audit waits for the absent vantage; then its checks are `notchecked`. Null: it waits for none. */
  waitsUntil: string | null
}

/** The vantages of a running audit. Absent from its begin, one is awaited for `vantageWaitMs`, else until the deadline. */
export async function findVantageProgress(
  { summaries }: Pick<Stores, 'summaries'>,
  { id, startedAt, createdAt, deadlineAt }: Audit,
  { now, vantageWaitMs }: { now: Date; vantageWaitMs: number },
): Promise<VantageProgress[]> {
  const startMs = Date.parse(startedAt ?? createdAt)
  const limitOf = (lastSeenAt: Date | null) => {
    const wasAway = lastSeenAt === null || lastSeenAt.getTime() < startMs
    return wasAway ? new Date(startMs + vantageWaitMs).toISOString() : deadlineAt
  }
  return (await summaries.byVantage(id)).map(({ kind, lastSeenAt, ...progress }) => ({
    ...progress,
    lastSeenAt: lastSeenAt?.toISOString() ?? null,
    waitsUntil: progress.done < progress.total && isAbsent({ kind, lastSeenAt }, now) ? limitOf(lastSeenAt) : null,
  }))
}
