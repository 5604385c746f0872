import { ConflictError } from '../../domain/errors.ts'
import type { Vantage } from '../../domain/findings/plan.ts'
import type { View } from '../context.ts'

/** Registers the vantage of an agent, or changes its zones. Throws ConflictError while a worker serves it. */
export async function putVantage(
  { transaction }: Pick<View, 'transaction'>,
  vantage: Vantage,
  actor: string,
): Promise<void> {
  const { name, zones } = vantage
  await transaction(async (tx) => {
    if (!(await tx.vantages.register(vantage)))
      throw new ConflictError(`a worker serves the vantage ${name}: its configuration names the zones`)
    tx.ledger.record({ actor, action: 'vantage.put', subject: name, payload: { zones } })
  })
}
