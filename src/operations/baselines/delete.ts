import type { View } from '../context.ts'
import { findBaseline } from './baseline.ts'

/** Deletes a baseline with its approvals. Throws NotFoundError. */
export async function deleteBaseline({ stores, transaction }: View, name: string, actor: string): Promise<void> {
  await findBaseline(stores, name)
  await transaction(async (tx) => {
    await tx.baselines.remove(name)
    tx.ledger.record({ actor, action: 'baseline.delete', subject: name, payload: {} })
  })
}
