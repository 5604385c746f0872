import type { Vantage } from '../../domain/findings/plan.ts'
import type { Sign } from '../../store/inventory/vantages.ts'
import type { View } from '../context.ts'

/** Announces a vantage that a worker serves. The ledger covers those of agents, so it records that this one is of a worker now. */
export const announceVantage = (
  { transaction }: Pick<View, 'transaction'>,
  vantage: Vantage,
  sign: Sign,
): Promise<void> =>
  transaction(async (tx) => {
    const { name, zones } = vantage
    if (await tx.vantages.announce(vantage, sign))
      tx.ledger.record({ actor: 'system', action: 'vantage.put', subject: name, payload: { zones, kind: 'worker' } })
  })
