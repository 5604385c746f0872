import type { Logger } from 'pino'
import { startWorkerLoop, type WorkerLoop } from '../../jobs/worker-loop.ts'
import type { EndAudit } from '../../operations/audits/end.ts'
import type { View } from '../../operations/context.ts'
import { runTrace } from '../../operations/traces/run-trace.ts'
import { traceChanges } from '../../operations/traces/trace-changes.ts'
import type { Notifications } from '../../store/db/listen.ts'
import type { TakenTrace } from '../../store/traces/traces.ts'
import type { Probers } from '../probers.ts'

interface TraceParts extends Pick<View, 'stores'> {
  waitForTrace: Notifications['waitForTrace']
  probers: Probers
  log: Logger
}

export interface TraceWorkers {
  /** Takes the traces of the vantages of this process. */
  start(): void
  /** Takes no more, and hands running traces back. */
  stop(): Promise<void>
}

/** Traces of one vantage that run at the same time. */
const concurrency = 2
/** For traces whose notification was lost, and those that another worker did not end. */
const pollEveryMs = 5_000

export function openTraceWorkers(
  stack: AsyncDisposableStack,
  { stores, waitForTrace, probers, log }: TraceParts,
): TraceWorkers {
  const stopping = new AbortController()
  const { signal } = stopping
  const loops: WorkerLoop[] = []
  const onError = (err: unknown) => log.error({ err }, 'a trace failed')
  const startLoop = ({ vantage: { name }, tracer }: Probers['list'][number]) =>
    startWorkerLoop<TakenTrace>(
      {
        fetch: (count) => stores.traces.take(name, count),
        keep: async () => {}, // a trace ends before it is taken for lost
        complete: async () => {},
        fail: (jobs) => Promise.all(jobs.map(({ id }) => stores.traces.handBack(id))),
        wait: (ms, signal) => waitForTrace(name, ms, signal),
      },
      {
        concurrency,
        heartbeatEveryMs: 60_000,
        pollEveryMs,
        work: (taken) => runTrace({ stores, tracer, signal, onError }, name, taken),
        onError,
      },
    )
  const stop = async () => {
    stopping.abort()
    await Promise.all(loops.splice(0).map((loop) => loop.rest(5_000)))
  }
  stack.defer(stop)
  return { start: () => void loops.push(...probers.list.map(startLoop)), stop }
}

/** Queues traces of what an audit found newly blocked, after its end, which neither waits for them nor fails with them. */
export function traceAfterEnding(
  stack: AsyncDisposableStack,
  { endAudit, log, ...view }: View & { endAudit: EndAudit; log: Logger },
): EndAudit {
  const running = new Set<Promise<unknown>>()
  stack.defer(() => Promise.all(running).then(() => {}))
  return async (ending) => {
    const ended = await endAudit(ending)
    if (!ended) return ended
    const queued: Promise<unknown> = traceChanges(view, ending.id)
      .catch((err: unknown) => log.error({ err, auditId: ending.id }, 'no traces of newly blocked ports'))
      .finally(() => running.delete(queued))
    running.add(queued)
    return ended
  }
}
