import type { ReprobeJob } from '../domain/exceptions/windows.ts'
import type { QueuedBatch } from '../store/audits/batches.ts'
import type { Database } from '../store/db/database.ts'
import type { Stores, Transact } from '../store/db/stores.ts'
import type { EndAudit } from './audits/end.ts'

/** What accepting, planning and running audits work with. */
export interface Parts {
  stores: Stores
  transaction: Transact
  endAudit: EndAudit
  enqueuePlan(tx: Database, auditId: string, startAfter?: Date): Promise<void>
  enqueueReprobe(tx: Database, job: ReprobeJob, at: Date): Promise<void>
  enqueueBatches(tx: Database, vantage: string, jobs: readonly QueuedBatch[]): Promise<void>
}
