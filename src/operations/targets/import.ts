import { createHash } from 'node:crypto'
import { canonicalJson } from '../../encoding/canonical-json.ts'
import { required } from '../../runtime/required.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { TargetInput } from '../../store/inventory/targets.ts'
import type { View } from '../context.ts'
import { recordSavedTargets, shownTargets } from './save.ts'

const targetsPerStatement = 1_000

/** Changes that an outcome lists. */
const listedChanges = 100

/** What an import does. */
export interface Imported {
  created: number
  updated: number
  /** The first targets that are created or changed. */
  changes: { name: string; created: boolean }[]
}

interface ImportOptions {
  actor: string
  /** Whether everything is undone at the end. */
  isRehearsal: boolean
  /** Whether a target with the name of a row stays as it is stored. */
  keepExisting: boolean
}

/**
 * Saves targets in one transaction; `lists` yields them in lists of the given size. The ledger gets one entry. A rehearsal returns the
 * same and leaves nothing.
 */
export async function importTargets(
  view: Pick<View, 'transaction'>,
  lists: (size: number) => AsyncIterable<TargetInput[]>,
  { isRehearsal, ...how }: ImportOptions,
): Promise<Imported> {
  let imported: Imported | undefined
  try {
    await view.transaction(async (tx) => {
      imported = await save(tx, lists, how)
      if (isRehearsal) throw new RehearsedError()
    })
  } catch (error) {
    if (!(error instanceof RehearsedError)) throw error
  }
  return required(imported, 'the outcome of an import')
}

/** Undoes a rehearsal. */
class RehearsedError extends Error {}

async function save(
  tx: Stores,
  lists: (size: number) => AsyncIterable<TargetInput[]>,
  { actor, keepExisting }: Omit<ImportOptions, 'isRehearsal'>,
): Promise<Imported> {
  let given: TargetInput[] = []
  async function* read() {
    for await (given of lists(targetsPerStatement)) yield given
  }
  const imported: Imported = { created: 0, updated: 0, changes: [] }
  const shown: TargetInput[] = []
  const names: string[] = []
  const digest = createHash('sha256')
  for await (const saved of tx.targets.saveAll(read(), { keepExisting })) {
    const created = new Map(saved.map((one) => [one.name, one.created]))
    for (const target of given.filter(({ name }) => created.has(name))) {
      const isNew = created.get(target.name) === true
      imported[isNew ? 'created' : 'updated'] += 1
      if (imported.changes.length < listedChanges) imported.changes.push({ name: target.name, created: isNew })
      names.push(target.name)
      digest.update(`${canonicalJson(target)}\n`)
      if (shown.length < shownTargets) shown.push(target)
    }
  }
  recordSavedTargets(tx, actor, {
    count: imported.created + imported.updated,
    digest: digest.digest('hex'),
    targets: shown,
    names,
  })
  return imported
}
