import { RefusedError } from '../../domain/errors.ts'
import type { ApprovedItem, Baseline } from '../../store/history/baselines.ts'
import type { View } from '../context.ts'
import { findBaseline } from './baseline.ts'

/** Moves series of a baseline to their present state, all of them or none. Throws NotFoundError, and RefusedError for unknown series. */
export async function approveBaselineItems(
  { stores, transaction }: Pick<View, 'stores' | 'transaction'>,
  { name, items, reason }: { name: string; items: ApprovedItem[]; reason: string },
  actor: string,
): Promise<Baseline> {
  await transaction(async (tx) => {
    await tx.baselines.lock(name)
    await findBaseline(tx, name)
    const unknown = await tx.baselines.approveItems(name, items, { approvedBy: actor, reason })
    if (unknown.length > 0)
      throw new RefusedError(
        unknown.map((index) => ({ pointer: `/items/${index}`, message: 'nothing is known of this series' })),
      )
    tx.ledger.record({ actor, action: 'baseline.approve', subject: name, payload: { reason, items } })
  })
  return findBaseline(stores, name)
}
