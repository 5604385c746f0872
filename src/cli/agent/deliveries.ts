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
  /** Ends the waiting between tries. */
  signal: AbortSignal
}

export type Deliveries = ReturnType<typeof createDeliveries>

const deliveryTimeoutMs = 30_000
const longestPauseMs = 10_000
/** No later try could bring another answer: there is no such batch, or it is not what the service takes. */
const hopeless: ReadonlySet<number> = new Set([400, 404, 413, 415, 422])

/** Delivers what is in the spool, the oldest first, again and again until each is taken. */
export function createDeliveries({ server, spool, path, log, signal }: DeliveriesOptions) {
  const waiting = new Set<string>()
  let running: Promise<void> | undefined

  /** True when it is settled, one way or the other. */
  const deliver = async (id: string): Promise<boolean> => {
    const delivery = await spool.read(id)
    if (!delivery) {
      log.error({ lease: id }, 'what was kept cannot be read, and is lost')
      return true
    }
    try {
      const answer = await server.post(`${path}/${id}/observations`, delivery, { timeoutMs: deliveryTimeoutMs })
      const { status } = answer
      if (status === 200) log.info({ lease: id, ...(answer.body as object) }, 'delivered')
      else log.error({ lease: id, status, problem: answer.body }, 'a delivery was refused')
      return status === 200 || hopeless.has(status)
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error
      log.warn({ lease: id, reason: error.message }, 'the server is not reachable; what was seen is kept')
      return false
    }
  }

  const run = async () => {
    for (let tries = 0; waiting.size > 0; ) {
      const [id = ''] = waiting
      if (await deliver(id)) {
        await spool.remove(id)
        waiting.delete(id)
        tries = 0
      } else {
        if (signal.aborted) return
        await pause(Math.min(250 * 2 ** tries++, longestPauseMs), signal)
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
    /** How many are not delivered. */
    count: () => waiting.size,
    /** Whether what was seen of a batch is not delivered. */
    has: (batch: string) => [...waiting].some((id) => batchOf(id) === batch),
    /** Takes up what an earlier process left. */
    async resume() {
      for (const id of await spool.list()) waiting.add(id)
      void start()
    },
    /** Keeps a delivery on disk and then delivers it; resolves when it is kept. */
    async add(id: string, delivery: Parameters<Spool['put']>[1]) {
      await spool.put(id, delivery)
      waiting.add(id)
      void start()
    },
    /** Resolves when nothing is under way: all is delivered, or after the signal each was tried once more. */
    settled: () => (waiting.size > 0 ? start() : (running ?? Promise.resolve())),
  }
}
