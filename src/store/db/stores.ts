import type { Change } from '../../domain/ledger.ts'
import { appendEntries } from '../ledger/entries.ts'
import { everything, type TargetScope } from '../query/target-scope.ts'
import { createAll, type Shared } from './all-stores.ts'
import { batched } from './batched.ts'
import type { Codes } from './codes.ts'
import type { Database, DatabaseHandle } from './database.ts'

export interface Stores extends ReturnType<typeof batched> {
  /** The same stores, limited to targets with these labels. */
  within(targetScope: TargetScope): Stores
}

/** All stores over one database, or over one transaction, which appends `changes` to the ledger at its end. */
export const createStores = (
  db: Database,
  codes: Codes,
  shared: Shared,
  targetScope: TargetScope = everything,
): Stores => ({
  ...batched(createAll(db, { codes, ...shared, targetScope }), { inTransaction: shared.changes !== undefined }),
  within: (narrower) => createStores(db, codes, shared, { ...narrower, ...targetScope }),
})

export type Transact = <T>(work: (stores: Stores, tx: Database) => Promise<T>) => Promise<T>

/** Runs `work` in one transaction and appends its ledger entries as the last step. An error rolls everything back. */
export const createTransact =
  ({ transaction }: Pick<DatabaseHandle, 'transaction'>, codes: Codes, shared: Omit<Shared, 'changes'>): Transact =>
  async (work) => {
    const changes: Change[] = []
    const result = await transaction(async (tx) => {
      const done = await work(createStores(tx, codes, { ...shared, changes }), tx)
      await appendEntries(tx, shared.keys, changes)
      return done
    })
    // Effective here before the caller learns of it; the database notifies other processes.
    for (const { action, subject } of changes) if (action === 'key.revoke') shared.knownKeys?.changed(subject)
    return result
  }
