import { v7 as newUuid } from 'uuid'
import type { View } from '../context.ts'

/** Traces that one audit causes at most. */
const tracesPerAudit = 50
/** They wait for those on request. */
const deadlineMs = 10 * 60_000

/**
 * Queues a trace for each endpoint that an ended audit found newly blocked, up to a limit. Traces are measurements: the audit does
 * not wait for them, and those that a crash loses are not repeated.
 */
export async function traceChanges(
  { transaction, now }: Pick<View, 'transaction' | 'now'>,
  auditId: string,
): Promise<number> {
  return transaction(async (tx) => {
    const deadlineAt = new Date(now().getTime() + deadlineMs)
    const blocked = await tx.traces.blockedBy(auditId, tracesPerAudit)
    const traces = []
    for (const endpoint of blocked)
      traces.push({ ...endpoint, id: newUuid(), compare: await tx.traces.openPorts(endpoint), auditId, deadlineAt })
    if (traces.length > 0) await tx.traces.create(traces)
    return traces.length
  })
}
