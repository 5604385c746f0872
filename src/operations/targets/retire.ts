import type { View } from '../context.ts'
import { findTarget, recordTarget } from './target.ts'

/** Retires a target: its history stays, and a new target of the same name continues it. Throws NotFoundError. */
export async function retireTarget({ stores, transaction }: View, name: string, actor: string): Promise<void> {
  const target = await findTarget(stores, name)
  await transaction(async (tx) => {
    await tx.targets.retire(target.id)
    recordTarget(tx, actor, 'target.retire', target)
  })
}
