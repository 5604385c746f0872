import { digest } from '../../encoding/canonical-json.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { TargetInput } from '../../store/inventory/targets.ts'

/** Targets shown in a ledger entry; the digest covers all. */
export const shownTargets = 20

/** Creates or updates targets in the caller's transaction; the ledger gets one entry for those that changed. */
export async function saveTargets(tx: Stores, targets: readonly TargetInput[], actor: string): Promise<void> {
  const names = new Set(await tx.targets.save(targets))
  const changed = targets.filter(({ name }) => names.has(name))
  recordSavedTargets(tx, actor, {
    count: changed.length,
    digest: digest(changed),
    targets: changed.slice(0, shownTargets),
    names: [...names],
  })
}

/** Records the targets that changed; without any, nothing. */
export function recordSavedTargets(
  tx: Stores,
  actor: string,
  { names, ...payload }: { count: number; digest: string; targets: TargetInput[]; names: string[] },
): void {
  if (payload.count > 0)
    tx.ledger.record({ actor, action: 'targets.save', subject: 'targets', payload, objects: [...new Set(names)] })
}
