import { NotFoundError } from '../../domain/errors.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredWaiver } from '../../store/exceptions/waivers.ts'

/** Throws NotFoundError where there is no such waiver. */
export async function findWaiver(stores: Stores, id: string): Promise<StoredWaiver> {
  const waiver = await stores.waivers.find(id)
  if (!waiver) throw new NotFoundError(`there is no waiver ${id}`)
  return waiver
}
