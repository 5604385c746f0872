import { NotFoundError } from '../../domain/errors.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Baseline } from '../../store/history/baselines.ts'

/** Throws NotFoundError where there is no baseline of this name. */
export async function findBaseline(stores: Stores, name: string): Promise<Baseline> {
  const baseline = await stores.baselines.find(name)
  if (!baseline) throw new NotFoundError(`there is no baseline ${name}`)
  return baseline
}
