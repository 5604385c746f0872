import { createHash } from 'node:crypto'
import { canonicalJson } from '../../encoding/canonical-json.ts'
import type { TargetInput } from '../../store/inventory/targets.ts'
import type { View } from '../context.ts'
import { recordSavedTargets, shownTargets } from './save.ts'

const targetsPerStatement = 1_000

/** Saves targets in one transaction; `lists` yields them in lists of the given size. The ledger gets one entry. */
export async function importTargets(
  { transaction }: Pick<View, 'transaction'>,
  lists: (size: number) => AsyncIterable<TargetInput[]>,
  actor: string,
): Promise<{ created: number; updated: number }> {
  return transaction(async (tx) => {
    let given: TargetInput[] = []
    async function* read() {
      for await (given of lists(targetsPerStatement)) yield given
    }
    const count = { created: 0, updated: 0 }
    const shown: TargetInput[] = []
    const names: string[] = []
    const digest = createHash('sha256')
    for await (const saved of tx.targets.saveAll(read())) {
      const created = new Map(saved.map((one) => [one.name, one.created]))
      for (const target of given.filter(({ name }) => created.has(name))) {
        count[created.get(target.name) ? 'created' : 'updated'] += 1
        names.push(target.name)
        digest.update(`${canonicalJson(target)}\n`)
        if (shown.length < shownTargets) shown.push(target)
      }
    }
    recordSavedTargets(tx, actor, {
      count: count.created + count.updated,
      digest: digest.digest('hex'),
      targets: shown,
      names,
    })
    return count
  })
}
