import { isAbsent } from '../../domain/vantages/presence.ts'
import { pause } from '../../runtime/sleep.ts'
import { failIfRefused } from './end.ts'
import { finishAudit } from './finish.ts'
import { planSlices, type SliceParts } from './plan-audit.ts'
import { recordUnseen } from './run-batch.ts'

interface DeadlineParts extends SliceParts {
  /** Removes the batches of an audit from their queues. */
  dropBatches(vantage: string, auditId: string): Promise<void>
}

/**
 * Ends an audit whose deadline has passed. Unrecorded checks of an absent vantage become `notchecked` (`vantage-absent`), all
 * others `unknown` (`audit-deadline`); a worker that still runs one finds it recorded. An audit that is not planned by then has
 * failed, and so has one whose findings the database refuses. An audit that has ended already stays as it is.
 */
export async function endAtDeadline(parts: DeadlineParts, auditId: string): Promise<void> {
  const { stores, endAudit } = parts
  const audit = await stores.audits.find(auditId)
  if (!audit || audit.finishedAt !== null) return // another worker was faster
  const error = 'the deadline came before the audit was planned'
  if (await endAudit({ id: auditId, error, onlyUnplanned: true })) return
  await failIfRefused(endAudit, auditId, () => endPlanned(parts, auditId))
}

async function endPlanned(parts: DeadlineParts, auditId: string): Promise<void> {
  const { stores, dropBatches } = parts
  await planSlices(parts, auditId) // so that its checks get a result, too
  const open = await stores.batches.open(auditId)
  // Before the end, so that an ended audit has no job left; the next poll repeats it if this process dies.
  for (const vantage of new Set(open.map(({ vantage }) => vantage))) await dropBatches(vantage, auditId)
  for (const { id, ...vantage } of open) {
    const unseen = isAbsent(vantage, parts.now())
      ? ({ result: 'notchecked', reason: 'vantage-absent' } as const)
      : ({ result: 'unknown', reason: 'audit-deadline' } as const)
    await recordUnseen(parts, { auditId, batchId: id }, unseen)
  }
  await finishAudit(parts, auditId) // a process may have died between canceling and ending it
}

interface UnservedParts extends Pick<DeadlineParts, 'stores' | 'transaction' | 'endAudit' | 'now' | 'dropBatches'> {
  /** How long an audit waits for a vantage that was not seen since it began. */
  vantageWaitMs: number
}

/**
 * Records the checks that nothing will make as `notchecked`: those of a removed vantage (`vantage-removed`), and of one that was absent
 * before the audit began and has not come back since (`vantage-absent`). Checks of a vantage that was seen meanwhile wait for it.
 */
async function settleUnserved(parts: UnservedParts, onError: (error: unknown) => void): Promise<void> {
  const unserved = await parts.stores.batches.unserved(parts.vantageWaitMs)
  for (const [auditId, batches] of Map.groupBy(unserved, (batch) => batch.auditId)) {
    const record = async () => {
      // Before the last recording ends the audit, so that an ended audit has no job left.
      for (const vantage of new Set(batches.map((batch) => batch.vantage))) await parts.dropBatches(vantage, auditId)
      for (const { id: batchId, isRemoved } of batches) {
        const reason = isRemoved ? 'vantage-removed' : 'vantage-absent'
        await recordUnseen(parts, { auditId, batchId }, { result: 'notchecked', reason })
      }
    }
    await failIfRefused(parts.endAudit, auditId, record).catch(onError) // the next poll tries again
  }
}

const pollEveryMs = 2_000

/**
 * Ends audits at their deadlines, and records the checks that no vantage will make, until it is stopped. Every worker runs it; an
 * audit ends once.
 */
export function startDeadlines(parts: DeadlineParts & { vantageWaitMs: number }, onError: (error: unknown) => void) {
  const stopping = new AbortController()
  const { signal } = stopping
  const endOverdue = async () => {
    for (const auditId of await parts.stores.audits.overdue()) {
      if (signal.aborted) return
      await endAtDeadline(parts, auditId).catch(onError) // the next poll tries again
    }
  }
  const poll = async () => {
    while (!signal.aborted) {
      await endOverdue().catch(onError)
      await settleUnserved(parts, onError).catch(onError)
      await pause(pollEveryMs, signal)
    }
  }
  const polling = poll()
  return {
    /** Resolves when no poll is running. */
    async stop() {
      stopping.abort()
      await polling
    },
  }
}
