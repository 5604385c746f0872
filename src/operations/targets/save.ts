import { createHash } from 'node:crypto'
import { canonicalJson } from '../../encoding/canonical-json.ts'
import { createPace } from '../../runtime/pace.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { TargetInput } from '../../store/inventory/targets.ts'

/** Targets shown in a ledger entry, if they are short; the digest covers all. */
export const shownTargets = 20
const shownLength = 256 * 1024

const targetsPerStatement = 1_000

/** Creates or updates targets in the caller's transaction; the ledger gets one entry for those that changed. */
export async function saveTargets(tx: Stores, targets: readonly TargetInput[], actor: string): Promise<void> {
  const names = new Set<string>()
  // In the order of names, so that two callers cannot block each other.
  const ordered = targets.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  for (let from = 0; from < ordered.length; from += targetsPerStatement)
    for (const name of await tx.targets.save(ordered.slice(from, from + targetsPerStatement))) names.add(name)
  const changed = targets.filter(({ name }) => names.has(name))
  recordSavedTargets(tx, actor, {
    count: changed.length,
    digest: await digestOfList(changed),
    targets: changed.slice(0, shownTargets),
    names: [...names],
  })
}

/** SHA-256 of the canonical JSON of a list, in steps. */
async function digestOfList(items: readonly unknown[]): Promise<string> {
  const pause = createPace()
  const hash = createHash('sha256').update('[')
  for (const [i, item] of items.entries()) {
    hash.update(`${i === 0 ? '' : ','}${canonicalJson(item)}`)
    await pause()
  }
  return hash.update(']').digest('hex')
}

/** Records the targets that changed; without any, nothing. */
export function recordSavedTargets(
  tx: Stores,
  actor: string,
  { names, ...payload }: { count: number; digest: string; targets: TargetInput[]; names: string[] },
): void {
  if (payload.count === 0) return
  const shown = { ...payload, targets: fitting(payload.targets) }
  tx.ledger.record({ actor, action: 'targets.save', subject: 'targets', payload: shown, objects: [...new Set(names)] })
}

/** The first targets whose JSON texts fit together. */
function fitting(targets: TargetInput[]): TargetInput[] {
  let length = 0
  const end = targets.findIndex((target) => {
    length += JSON.stringify(target).length
    return length > shownLength
  })
  return end === -1 ? targets : targets.slice(0, end)
}
