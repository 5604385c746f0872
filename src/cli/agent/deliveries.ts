import type { Logger } from 'pino'
import { batchOf } from '../../domain/vantages/lease.ts'
import { pause } from '../../runtime/sleep.ts'
import { type Server, UnreachableError } from './server.ts'
import type { Spool } from './spool.ts'

interface DeliveriesOptions {
  server: Server
  spool: Spool
  /** The path of the leases of the vantage. */
  path: string
  log: Logger
  /** Ends the pause between attempts. */
  signal: AbortSignal
}

export type Deliveries = ReturnType<typeof createDeliveries>

const deliveryTimeoutMs = 30_000
const longestPauseMs = 10_000
/** Unknown batch or invalid delivery: a retry cannot succeed. */
const permanent: ReadonlySet<number> = new Set([400, 404, 413, 415, 422])

/** Delivers the spool, oldest first, with retries. */
export function createDeliveries({ server, spool, path, log, signal }: DeliveriesOptions) {
  const waiting = new Set<string>()
  let running: Promise<void> | undefined

  /** True when no retry is needed. */
  const deliver = async (id: string): Promise<boolean> => {
    const delivery = await spool.read(id)
    if (!delivery) {
      log.error({ lease: id }, 'a delivery in the spool cannot be read and is lost')
      return true
    }
    try {
      const response = await server.post(`${path}/${id}/observations`, delivery, { timeoutMs: deliveryTimeoutMs })
      const { status } = response
      if (status === 200) log.info({ lease: id, ...(response.body as object) }, 'delivered')
      else log.error({ lease: id, status, problem: response.body }, 'a delivery was rejected')
      return status === 200 || permanent.has(status)
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error
      log.warn({ lease: id, reason: error.message }, 'the server is not reachable; the delivery stays in the spool')
      return false
    }
  }

  const run = async () => {
    for (let attempts = 0; ; ) {
      const [id] = waiting
      if (id === undefined) return
      if (await deliver(id)) {
        await spool.remove(id)
        waiting.delete(id)
        attempts = 0
      } else {
        if (signal.aborted) return
        await pause(Math.min(250 * 2 ** attempts++, longestPauseMs), signal)
      }
    }
  }

  const start = () => {
    running ??= run().finally(() => {
      running = undefined
    })
    return running
  }

  return {
    /** The number of deliveries in the spool. */
    count: () => waiting.size,
    /** Whether the spool holds a delivery for the batch. */
    has: (batch: string) => [...waiting].some((id) => batchOf(id) === batch),
    /** Resumes the spool of an earlier process. */
    async resume() {
      for (const id of await spool.list()) waiting.add(id)
      void start()
    },
    /** Delivers later; resolves when the delivery is on disk. */
    async add(id: string, delivery: Parameters<Spool['put']>[1]) {
      await spool.put(id, delivery)
      waiting.add(id)
      void start()
    },
    /** Resolves when the spool is empty, or after a last attempt. */
    settled: () => (waiting.size > 0 ? start() : (running ?? Promise.resolve())),
  }
}
