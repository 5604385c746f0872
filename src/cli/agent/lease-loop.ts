import type { Logger } from 'pino'
import { maxLeaseWaitSeconds } from '../../domain/vantages/presence.ts'
import { pause } from '../../runtime/sleep.ts'
import { type Server, UnreachableError } from './server.ts'

interface LeaseLoopOptions<Lease extends { id: string }> {
  server: Server
  /** Where items are leased; results go to `PATH/ID`. */
  path: string
  /** What an item is called in the log. */
  noun: string
  isLease(body: unknown): body is Lease
  /** The result of an item; undefined: it is leased again. */
  work(lease: Lease): Promise<object | undefined>
  log: Logger
  /** Ends the leasing, and running work, which is leased again. */
  signal: AbortSignal
}

export const responseMarginMs = 10_000
const longestPauseMs = 30_000

/** Leases items and works on them, one at a time, until the signal aborts. A result that cannot be delivered is lost. */
export async function leaseAsAgent<Lease extends { id: string }>(options: LeaseLoopOptions<Lease>): Promise<void> {
  const { server, path, noun, isLease, signal, log } = options
  for (let failures = 0; !signal.aborted; ) {
    try {
      const body = { waitSeconds: maxLeaseWaitSeconds }
      const timeoutMs = maxLeaseWaitSeconds * 1000 + responseMarginMs
      const response = await server.post(path, body, { timeoutMs, signal })
      if (response.status === 200 && isLease(response.body)) await deliver(options, response.body)
      else if (response.status !== 204) throw new Error(`the server leases no ${noun}: status ${response.status}`)
      failures = 0
    } catch (err) {
      if (signal.aborted) return
      if (err instanceof UnreachableError) log.debug({ reason: err.message }, 'the server is not reachable')
      else log.error({ err }, `a ${noun} failed`)
      await pause(Math.min(500 * 2 ** failures++, longestPauseMs), signal)
    }
  }
}

async function deliver<Lease extends { id: string }>(
  { server, path, noun, work, log }: LeaseLoopOptions<Lease>,
  lease: Lease,
): Promise<void> {
  const outcome = await work(lease)
  if (!outcome) return
  const { status } = await server.post(`${path}/${lease.id}`, outcome, { timeoutMs: responseMarginMs })
  log.info({ [noun]: lease.id, status }, `${noun} delivered`)
}
