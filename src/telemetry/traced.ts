import type { Stores } from '../store/db/stores.ts'
import type { Tracing } from './tracing.ts'

/** Traces recording as a step of the audit. */
export function traceStores(stores: Stores, tracing: Tracing | undefined): Stores {
  if (!tracing) return stores
  const { record } = stores
  return {
    ...stores,
    record: (batch) =>
      tracing.step('record', batch.auditId, { 'portwarden.findings': batch.findings.length }, () => record(batch)),
  }
}

/** Traces the end of an audit as its step. */
export function traceEnding<A extends { id: string }, E extends { status: string; verdict: string }>(
  end: (ending: A) => Promise<E | undefined>,
  tracing: Tracing | undefined,
) {
  if (!tracing) return end
  return async (ending: A) => {
    const ended = await tracing.step('finish', ending.id, {}, () => end(ending))
    if (ended) tracing.ended(ending.id, ended)
    return ended
  }
}
