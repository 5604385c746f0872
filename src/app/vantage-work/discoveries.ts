import type { Logger } from 'pino'
import { startWorkerLoop, type WorkerLoop } from '../../jobs/worker-loop.ts'
import type { View } from '../../operations/context.ts'
import { makeDiscovery } from '../../operations/learning/make-discovery.ts'
import type { Notifications } from '../../store/db/listen.ts'
import type { TakenDiscovery } from '../../store/learning/discoveries.ts'
import type { Probers } from '../probers.ts'

interface DiscoveryParts extends Pick<View, 'stores' | 'now'> {
  waitForDiscovery: Notifications['waitForDiscovery']
  probers: Probers
  log: Logger
}

export interface DiscoveryWorkers {
  /** Takes the discoveries of the vantages of this process. */
  start(): void
  /** Takes no more, and hands running discoveries back. */
  stop(): Promise<void>
}

const heartbeatEveryMs = 20_000
/** For discoveries whose notification was lost, and those that another worker did not end. */
const pollEveryMs = 5_000

export function openDiscoveryWorkers(
  stack: AsyncDisposableStack,
  { stores, now, waitForDiscovery, probers, log }: DiscoveryParts,
): DiscoveryWorkers {
  const stopping = new AbortController()
  const { signal } = stopping
  const loops: WorkerLoop[] = []
  const onError = (err: unknown) => log.error({ err }, 'a discovery failed')
  const startLoop = (runner: Probers['list'][number]) => {
    const { name } = runner.vantage
    const { discoveries } = stores
    return startWorkerLoop<TakenDiscovery>(
      {
        fetch: (count) => discoveries.take(name, count),
        keep: (jobs) =>
          discoveries.keep(
            name,
            jobs.map(({ id }) => id),
          ),
        complete: async () => {},
        fail: (jobs) => Promise.all(jobs.map(({ id }) => discoveries.handBack(name, id))),
        wait: (ms, signal) => waitForDiscovery(name, ms, signal),
      },
      {
        concurrency: 1,
        heartbeatEveryMs,
        pollEveryMs,
        work: (taken) => makeDiscovery({ stores, runner, now, signal, onError }, name, taken),
        onError,
      },
    )
  }
  const stop = async () => {
    stopping.abort()
    await Promise.all(loops.splice(0).map((loop) => loop.rest(5_000)))
  }
  stack.defer(stop)
  return { start: () => void loops.push(...probers.list.map(startLoop)), stop }
}
