import type { Logger } from 'pino'
import { listenForMetrics } from '../telemetry/listener.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Egress } from './egress.ts'

/** Serves metrics on a loopback port, without a key. */
export async function serveMetrics(
  stack: AsyncDisposableStack,
  port: number | undefined,
  { metrics, own, log }: { metrics: Metrics; own: Egress['own']; log: Logger },
): Promise<void> {
  if (port === undefined) return
  const listener = await listenForMetrics(metrics, port)
  stack.defer(listener.close)
  own.addListener(listener.address)
  log.info(listener.address, 'metrics are served')
}
