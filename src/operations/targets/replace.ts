import { StaleError } from '../../domain/errors.ts'
import type { TargetReference } from '../../domain/targets.ts'
import type { StoredTarget, TargetInput } from '../../store/inventory/targets.ts'
import type { Revision, View } from '../context.ts'
import { checkAddress, findTarget, recordTarget } from './target.ts'

/**
 * Creates the target of a name, or replaces all its fields; a target named by its external id keeps that id.
 * Throws StaleError where the target is not the expected one, and NotFoundError for an external id that no target has.
 */
export async function replaceTarget(
  { stores, transaction }: View,
  { reference, fields }: { reference: TargetReference; fields: Omit<TargetInput, 'name'> },
  { actor, isExpected }: Revision,
): Promise<{ target: StoredTarget; created: boolean }> {
  checkAddress(fields.address)
  const input =
    typeof reference === 'string'
      ? { ...fields, name: reference }
      : { ...reference, ...fields, name: (await findTarget(stores, reference)).name }
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
