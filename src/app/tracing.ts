import { type Config, version } from '../config/index.ts'
import type { Tracing } from '../telemetry/tracing.ts'

/** Undefined without a receiver; OpenTelemetry is not loaded then. */
export async function openTracing(
  stack: AsyncDisposableStack,
  { otlpEndpoint: endpoint }: Config,
): Promise<Tracing | undefined> {
  if (endpoint === undefined) return undefined
  const { startTracing } = await import('../telemetry/tracing.ts')
  const tracing = await startTracing({ endpoint, version })
  stack.defer(tracing.stop)
  return tracing
}
