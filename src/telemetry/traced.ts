import type { Stores } from '../store/db/stores.ts'
import type { Tracing } from './tracing.ts'

/** The same stores, whose recording and finishing are steps of their audits. */
export function traceStores(stores: Stores, tracing: Tracing | undefined): Stores {
  if (!tracing) return stores
  const { record, audits } = stores
  return {
    ...stores,
    record: (batch) =>
      tracing.step('record', batch.auditId, { 'portwarden.findings': batch.findings.length }, () => record(batch)),
    audits: {
      ...audits,
      async finish(id, error) {
        const ended = await tracing.step('finish', id, {}, () => audits.finish(id, error))
        if (ended) tracing.ended(id, ended)
        return ended
      },
    },
  }
}
