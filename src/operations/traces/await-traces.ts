import type { Notifications } from '../../store/db/listen.ts'
import type { View } from '../context.ts'
import { traceChanges } from './trace-changes.ts'

interface AwaitParts extends Pick<View, 'stores' | 'transaction' | 'now'> {
  waitForEnd: Notifications['waitForEnd']
}

/** No notification of the end of a trace is missed for longer. */
const pollEveryMs = 500

/** Waits up to `limitMs` for the traces of what an ended audit found newly blocked. */
export async function awaitTraces(
  { waitForEnd, ...view }: AwaitParts,
  auditId: string,
  limitMs: number,
): Promise<void> {
  const until = performance.now() + limitMs
  const limit = await traceChanges(view, auditId) // again: the process that ended it may not be there yet
  for (let left = limitMs; limit > 0 && left > 0; left = until - performance.now()) {
    const { items } = await view.stores.traces.list({ audit: auditId, limit })
    const running = items.find(({ finishedAt }) => finishedAt === null)
    if (!running) return
    await waitForEnd(running.id, Math.min(left, pollEveryMs))
  }
}
