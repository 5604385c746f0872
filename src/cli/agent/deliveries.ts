import type { Logger } from 'pino'
import { boundFacts, sizeOf } from '../../domain/findings/bounds.ts'
import { batchOf, type Delivery } from '../../domain/vantages/lease.ts'
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
const tooLarge = 413
/** Below this size of all facts there is nothing left to leave out. */
const leastFactsSize = 1024

/** Delivers the spool, oldest first, with retries. */
export function createDeliveries({ server, spool, path, log, signal }: DeliveriesOptions) {
  const waiting = new Set<string>()
  let running: Promise<void> | undefined

  /** Sends a delivery; where it is too large for the server or a proxy, without its largest facts. */
  const send = async (id: string, { online, observations }: Delivery) => {
    let limit = observations
      .flatMap(({ addressResults }) => addressResults)
      .reduce((sum, { facts }) => sum + sizeOf(facts), 0)
    for (;;) {
      const delivery = { online, observations: boundFacts(observations, limit) }
      const response = await server.post(`${path}/${id}/observations`, delivery, { timeoutMs: deliveryTimeoutMs })
      if (response.status !== tooLarge || limit < leastFactsSize) return response
      log.error(
        { lease: id },
        'a delivery is too large for the server or a proxy before it, which must take 32 MiB: the largest facts are left out',
      )
      limit = Math.floor(limit / 2)
    }
  }

  /** True when no retry is needed. */
  const deliver = async (id: string): Promise<boolean> => {
    const delivery = await spool.read(id)
    if (!delivery) {
      const file = await spool.setAside(id)
      log.error({ lease: id, file }, 'a delivery in the spool cannot be read; it is set aside')
      return true
    }
    try {
      const { status, body } = await send(id, delivery)
      if (status === 200) {
        const { refused = [], ...receipt } = body as { refused?: object[] }
        log.info({ lease: id, ...receipt }, 'delivered')
        if (refused.length === 0) await spool.remove(id)
        else log.error({ lease: id, refused, file: await spool.setAside(id) }, 'the server refused single observations')
        return true
      }
      const file = permanent.has(status) ? await spool.setAside(id) : undefined
      log.error({ lease: id, status, problem: body, file }, 'a delivery was rejected')
      return file !== undefined
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
