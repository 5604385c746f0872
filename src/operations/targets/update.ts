import { StaleError } from '../../domain/errors.ts'
import type { StoredTarget, TargetInput } from '../../store/inventory/targets.ts'
import type { Revision, View } from '../context.ts'
import { checkAddress, findTarget, recordTarget, showTarget } from './target.ts'

/** Changes the given fields of a target. Throws NotFoundError, or StaleError where the target is not the expected one. */
export async function updateTarget(
  { stores, transaction }: View,
  { name, changes }: { name: string; changes: Partial<TargetInput> },
  { actor, isExpected }: Revision,
): Promise<StoredTarget> {
  if (changes.address !== undefined) checkAddress(changes.address)
  // A concurrent change makes it read the target again.
  for (;;) {
    const current = await findTarget(stores, name)
    if (!isExpected(current)) throw new StaleError()
    const target = await transaction(async (tx) => {
      const saved = await tx.targets.replace(current.id, { ...showTarget(current), ...changes }, current.version)
      if (saved) recordTarget(tx, actor, 'target.change', saved)
      return saved
    })
    if (target) return target
  }
}
