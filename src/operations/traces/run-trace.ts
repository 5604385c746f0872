import type { Tracer } from '../../probes/network/trace/tracer.ts'
import { throughOutages } from '../../store/db/outages.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { TakenTrace } from '../../store/traces/traces.ts'

interface RunParts {
  stores: Pick<Stores, 'traces'>
  trace: Tracer
  /** Receives errors of the tracer itself. */
  onError(error: unknown): void
}

/** Makes a trace that was taken for a vantage, and stores its result. */
export async function runTrace({ stores, trace, onError }: RunParts, vantage: string, taken: TakenTrace): Promise<void> {
  const outcome = await trace(taken).catch((error: unknown) => {
    onError(error)
    return { failure: 'local-failure' } as const
  })
  await throughOutages(() => stores.traces.finish({ id: taken.id, vantage }, outcome))
}
