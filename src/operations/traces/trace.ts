import { NotFoundError } from '../../domain/errors.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredTrace } from '../../store/traces/traces.ts'

/** Throws NotFoundError where there is no such trace. */
export async function findTrace(stores: Stores, id: string): Promise<StoredTrace> {
  const trace = await stores.traces.find(id)
  if (!trace) throw new NotFoundError(`there is no trace ${id}`)
  return trace
}
