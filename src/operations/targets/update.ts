import { StaleError } from '../../domain/errors.ts'
import type { TargetReference } from '../../domain/targets.ts'
import type { TargetFields } from '../../store/inventory/target-columns.ts'
import type { StoredTarget } from '../../store/inventory/targets.ts'
import type { Revision, View } from '../context.ts'
import { checkAddress, findTarget, recordTarget, showTarget } from './target.ts'

/** Returns the fields after a change of those before it. */
type ChangeFields = (fields: TargetFields) => TargetFields

/** Changes fields of a target. Throws NotFoundError, or StaleError where the target is not the expected one. */
export async function updateTarget(
  { stores, transaction }: View,
  { reference, change }: { reference: TargetReference; change: ChangeFields },
  { actor, isExpected }: Revision,
): Promise<StoredTarget> {
  // A concurrent change makes it read the target again.
  for (;;) {
    const current = await findTarget(stores, reference)
    if (!isExpected(current)) throw new StaleError()
    const { name, createdAt: _c, updatedAt: _u, retiredAt: _r, ...fields } = showTarget(current)
    const changed = change(fields)
    if (changed.address !== fields.address) checkAddress(changed.address)
    const target = await transaction(async (tx) => {
      const saved = await tx.targets.replace(current.id, { ...changed, name }, current.version)
      if (saved) recordTarget(tx, actor, 'target.change', saved)
      return saved
    })
    if (target) return target
  }
}
