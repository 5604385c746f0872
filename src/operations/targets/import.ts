import { createHash } from 'node:crypto'
import { canonicalJson } from '../../encoding/canonical-json.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { TargetInput } from '../../store/inventory/targets.ts'

/** Targets that are saved by one statement. */
const listSize = 1_000
/** Of how many targets the entry of the ledger shows what they are; its digest is over one line of canonical JSON for each. */
const shownTargets = 20

/** Saves the targets in the caller's transaction and tells the ledger, in one entry, which of them changed. */
export async function saveImport(
  stores: Stores,
  targets: (size: number) => AsyncGenerator<TargetInput[]>,
  actor: string,
): Promise<{ created: number; updated: number }> {
  let given: TargetInput[] = []
  async function* lists() {
    for await (given of targets(listSize)) yield given
  }
  const count = { created: 0, updated: 0 }
  const shown: TargetInput[] = []
  const digest = createHash('sha256')
  for await (const saved of stores.targets.saveAll(lists())) {
    const created = new Map(saved.map((one) => [one.name, one.created]))
    for (const target of given.filter(({ name }) => created.has(name))) {
      count[created.get(target.name) ? 'created' : 'updated'] += 1
      digest.update(`${canonicalJson(target)}\n`)
      if (shown.length < shownTargets) shown.push(target)
    }
  }
  if (shown.length > 0) {
    const payload = { count: count.created + count.updated, digest: digest.digest('hex'), targets: shown }
    stores.ledger.record({ actor, action: 'targets.save', subject: 'targets', payload })
  }
  return count
}
