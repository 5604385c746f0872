import type { Logger } from 'pino'
import { Value } from 'typebox/value'
import { batchOf, type Delivery, Lease } from '../../domain/vantages/lease.ts'
import { maxLeaseWaitSeconds } from '../../domain/vantages/presence.ts'
import { runChecks } from '../../operations/audits/run-checks.ts'
import type { Check } from '../../probes/engine/check.ts'
import type { Prober } from '../../probes/engine/prober.ts'
import { pause } from '../../runtime/sleep.ts'
import { bindsOfLease } from './binds.ts'
import type { Deliveries } from './deliveries.ts'
import { type Server, UnreachableError } from './server.ts'

export interface AgentOptions {
  server: Server
  deliveries: Deliveries
  prober: Omit<Prober, 'tracer'>
  path: string
  /** The limit of batches that run or wait for delivery. */
  batches: number
  version: string
  log: Logger
  /** Ends the leasing; running batches are completed. */
  signal: AbortSignal
}

const responseMarginMs = 10_000
const longestPauseMs = 30_000

/** Leases batches and runs their checks until the signal aborts; resolves when the last one is in the spool. */
export async function workAsAgent(options: AgentOptions): Promise<void> {
  const { deliveries, batches, signal, log } = options
  const running = new Map<string, Promise<void>>()
  const ended = aborted(signal)
  for (let failures = 0; !signal.aborted; ) {
    if (running.size + deliveries.count() >= batches) {
      await Promise.race([...running.values(), ...(deliveries.count() > 0 ? [deliveries.settled()] : []), ended])
      continue
    }
    const lease = await leaseBatch(options)
    if (lease === 'failed') {
      await pause(Math.min(500 * 2 ** failures++, longestPauseMs), signal)
      continue
    }
    failures = 0
    if (!lease) continue
    const batch = batchOf(lease.id)
    // After an outage the service may lease the batch again.
    if (running.has(batch) || deliveries.has(batch)) continue
    const run = runLease(options, lease)
      .catch((err: unknown) => log.error({ err, lease: lease.id }, 'a batch failed; it is leased again'))
      .finally(() => running.delete(batch))
    running.set(batch, run)
  }
  await Promise.all(running.values())
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

async function leaseBatch({
  server,
  prober,
  path,
  version,
  log,
  signal,
}: AgentOptions): Promise<Lease | undefined | 'failed'> {
  const body = { waitSeconds: maxLeaseWaitSeconds, version, canary: prober.canary(), companions: true, binds: true }
  const timeoutMs = maxLeaseWaitSeconds * 1000 + responseMarginMs
  try {
    const response = await server.post(path, body, { timeoutMs, signal })
    if (response.status === 204) return undefined
    if (response.status === 200 && Value.Check(Lease, response.body)) return response.body
    log.error({ status: response.status, problem: response.body }, 'the server leases nothing')
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error
    if (!signal.aborted) log.warn({ reason: error.message }, 'the server is not reachable')
  }
  return 'failed'
}

async function runLease(options: AgentOptions, { id, heartbeatSeconds, checks, bindSalt }: Lease): Promise<void> {
  const { server, prober, path, deliveries, log } = options
  log.info({ lease: id, checks: checks.length }, 'leased')
  const beat = setInterval(() => {
    server.post(`${path}/${id}/heartbeat`, {}, { timeoutMs: responseMarginMs }).catch(() => {}) // the next one may succeed
  }, heartbeatSeconds * 1000)
  try {
    const binds = bindSalt === undefined ? undefined : bindsOfLease(options, { id, bindSalt })
    const observed = await runChecks({ ...prober, binds }, checks as Check[])
    const observations = (observed ?? []).map(({ observedAt, addressResults }, check) => ({
      check,
      observedAt,
      addressResults: addressResults.map(({ measurements: _, ...result }) => result),
    }))
    await deliveries.add(id, { online: observed !== undefined, observations } as Delivery)
    log.info({ lease: id }, 'observations stored')
  } finally {
    clearInterval(beat)
  }
}
