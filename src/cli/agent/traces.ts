import type { Logger } from 'pino'
import { Value } from 'typebox/value'
import { TraceLease } from '../../domain/traces/trace.ts'
import { maxLeaseWaitSeconds } from '../../domain/vantages/presence.ts'
import type { Tracer } from '../../probes/network/trace/tracer.ts'
import { pause } from '../../runtime/sleep.ts'
import { type Server, UnreachableError } from './server.ts'

interface TraceOptions {
  server: Server
  tracer: Tracer
  /** The path of the traces of the vantage. */
  path: string
  log: Logger
  /** Ends the leasing, and running traces, which are leased again. */
  signal: AbortSignal
}

const responseMarginMs = 10_000
const longestPauseMs = 30_000

/** Leases and makes traces, one at a time, until the signal aborts. A result that cannot be delivered is lost. */
export async function traceAsAgent(options: TraceOptions): Promise<void> {
  const { path, signal, log } = options
  for (let failures = 0; !signal.aborted; ) {
    try {
      const body = { waitSeconds: maxLeaseWaitSeconds }
      const response = await options.server.post(path, body, {
        timeoutMs: maxLeaseWaitSeconds * 1000 + responseMarginMs,
        signal,
      })
      if (response.status === 200 && Value.Check(TraceLease, response.body)) await makeTrace(options, response.body)
      else if (response.status !== 204) throw new Error(`the server leases no traces: status ${response.status}`)
      failures = 0
    } catch (err) {
      if (signal.aborted) return
      if (err instanceof UnreachableError) log.debug({ reason: err.message }, 'the server is not reachable')
      else log.error({ err }, 'a trace failed')
      await pause(Math.min(500 * 2 ** failures++, longestPauseMs), signal)
    }
  }
}

async function makeTrace({ server, tracer, path, log, signal }: TraceOptions, lease: TraceLease): Promise<void> {
  const outcome = await tracer.trace(lease, signal)
  const { status } = await server.post(`${path}/${lease.id}`, outcome, { timeoutMs: responseMarginMs })
  log.info({ trace: lease.id, status }, 'traced')
}
