import type { TargetReference } from '../../domain/targets.ts'
import type { View } from '../context.ts'
import { findTarget, recordTarget } from './target.ts'

/** Retires a target: its history stays, and a new target of the same name continues it. Throws NotFoundError, and ConflictError for an ambiguous reference. */
export async function retireTarget(
  { stores, transaction }: View,
  reference: TargetReference,
  actor: string,
): Promise<void> {
  const target = await findTarget(stores, reference)
  await transaction(async (tx) => {
    await tx.targets.retire(target.id)
    recordTarget(tx, actor, 'target.retire', target)
  })
}
