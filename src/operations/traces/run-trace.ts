import type { Tracer } from '../../probes/network/trace/tracer.ts'
import { throughOutages } from '../../store/db/outages.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { TakenTrace } from '../../store/traces/traces.ts'

interface RunParts {
  stores: Pick<Stores, 'traces'>
  tracer: Tracer
  /** Ends running traces, which are handed back. */
  signal: AbortSignal
  /** Receives errors of the tracer itself. */
  onError(error: unknown): void
}

/** Makes a trace that was taken for a vantage, and stores its result. */
export async function runTrace(
  { stores, tracer, signal, onError }: RunParts,
  vantage: string,
  taken: TakenTrace,
): Promise<void> {
  const outcome = await tracer.trace(taken, signal).catch((error: unknown) => {
    if (signal.aborted) return undefined
    onError(error)
    return { failure: 'local-failure' } as const
  })
  if (!outcome) return stores.traces.handBack(taken.id)
  await throughOutages(() => stores.traces.finish({ id: taken.id, vantage }, outcome))
}
