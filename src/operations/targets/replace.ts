import { StaleError } from '../../domain/errors.ts'
import type { StoredTarget, TargetInput } from '../../store/inventory/targets.ts'
import type { Revision, View } from '../context.ts'
import { checkAddress, recordTarget } from './target.ts'

/** Creates a target or replaces all its fields. Throws StaleError where the target is not the expected one. */
export async function replaceTarget(
  { stores, transaction }: View,
  input: TargetInput,
  { actor, isExpected }: Revision,
): Promise<{ target: StoredTarget; created: boolean }> {
  checkAddress(input.address)
  // A concurrent change makes it read the target again.
  for (;;) {
    const current = await stores.targets.findAny(input.name)
    const live = current && (await stores.targets.find(input.name))
    if (!isExpected(live)) throw new StaleError()
    const target = await transaction(async (tx) => {
      const saved = current
        ? await tx.targets.replace(current.id, input, current.version)
        : await tx.targets.create(input)
      if (saved) recordTarget(tx, actor, live ? 'target.change' : 'target.create', saved)
      return saved
    })
    if (target) return { target, created: !live }
  }
}
