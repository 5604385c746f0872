import { isAbsent } from '../../domain/vantages/presence.ts'
import { pause } from '../../runtime/sleep.ts'
import type { Stores, Transact } from '../../store/db/stores.ts'
import { finishAudit } from './finish.ts'
import { recordUnseen } from './run-batch.ts'

interface DeadlineParts {
  stores: Stores
  transaction: Transact
  /** Takes batches out of the queue of their vantage, wherever they are in it. */
  dropBatches(vantage: string, auditId: string): Promise<void>
}

/**
 * Ends an audit whose deadline has come. Checks of a vantage that is absent become `notchecked` (`vantage-absent`), all
 * others that are not recorded yet `unknown` (`audit-deadline`); whoever is in the middle of one finds it recorded, and
 * changes nothing. An audit that nobody has planned by then has failed. One that has ended already stays as it is.
 */
export async function endAtDeadline(
  { stores, transaction, dropBatches }: DeadlineParts,
  { auditId, now }: { auditId: string; now: Date },
): Promise<void> {
  const audit = await stores.audits.find(auditId)
  if (!audit || audit.finishedAt !== null) return // meanwhile
  const unplanned = await transaction(async (tx) => {
    const order = await tx.audits.lockQueued(auditId) // waits for whoever is planning it
    if (order) await tx.audits.finish(auditId, 'the deadline came before the audit was planned')
    return order !== undefined
  })
  if (unplanned) return
  const open = await stores.batches.open(auditId)
  for (const { id, ...vantage } of open) {
    const unseen = isAbsent(vantage, now)
      ? ({ result: 'notchecked', reason: 'vantage-absent' } as const)
      : ({ result: 'unknown', reason: 'audit-deadline' } as const)
    await recordUnseen(stores, { auditId, batchId: id }, unseen)
  }
  for (const vantage of new Set(open.map(({ vantage }) => vantage))) await dropBatches(vantage, auditId)
  await finishAudit(stores, auditId) // one that was canceled by a process that died before it ended
}

const pollEveryMs = 2_000

/** Ends audits at their deadlines until it is stopped. Each worker does; what two of them end at once has ended once. */
export function startDeadlines(parts: DeadlineParts, onError: (error: unknown) => void) {
  const stopping = new AbortController()
  const { signal } = stopping
  const look = async (now: Date) => {
    for (const auditId of await parts.stores.audits.overdue(now)) {
      if (signal.aborted) return
      await endAtDeadline(parts, { auditId, now }).catch(onError) // the next look tries again
    }
  }
  const pollAgain = async () => {
    while (!signal.aborted) {
      await look(new Date()).catch(onError)
      await pause(pollEveryMs, signal)
    }
  }
  const looking = pollAgain()
  return {
    /** Ends when no look is under way any more. */
    async stop() {
      stopping.abort()
      await looking
    },
  }
}
