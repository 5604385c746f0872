import { ConflictError, StaleError } from '../../domain/errors.ts'
import type { Vantage } from '../../domain/findings/plan.ts'
import type { Revision, View } from '../context.ts'

/** Registers the vantage of an agent, or changes its zones. Throws ConflictError if a worker serves it, StaleError if it must be new. */
export async function putVantage(
  { transaction }: Pick<View, 'transaction'>,
  vantage: Vantage,
  { actor, mustBeNew }: Pick<Revision, 'actor' | 'mustBeNew'>,
): Promise<void> {
  const { name, zones } = vantage
  await transaction(async (tx) => {
    const outcome = await tx.vantages.register(vantage)
    if (outcome === undefined)
      throw new ConflictError(`a worker serves the vantage ${name}: its configuration names the zones`)
    if (mustBeNew && outcome !== 'created') throw new StaleError()
    tx.ledger.record({ actor, action: 'vantage.put', subject: name, payload: { zones } })
  })
}
