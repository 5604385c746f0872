import type { QueuedBatch } from '../store/batches.ts'
import type { Database } from '../store/database.ts'
import type { Stores, Transact } from '../store/stores.ts'
import type { ReprobeJob } from './windows.ts'

/** What accepting, planning and running audits work with. */
export interface Parts {
  stores: Stores
  transaction: Transact
  enqueuePlan(tx: Database, auditId: string, startAfter?: Date): Promise<void>
  enqueueReprobe(tx: Database, job: ReprobeJob, at: Date): Promise<void>
  enqueueBatches(tx: Database, vantage: string, jobs: readonly QueuedBatch[]): Promise<void>
}
