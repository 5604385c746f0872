import type { ReprobeJob } from '../domain/exceptions/windows.ts'
import type { QueuedBatch } from '../store/audits/batches.ts'
import type { Database } from '../store/db/database.ts'
import type { Stores, Transact } from '../store/db/stores.ts'
import type { EndAudit } from './audits/end.ts'

/** The stores, limited to the target scope of a caller. */
export interface View {
  stores: Stores
  transaction: Transact
  /** The time that all processes share: the database's. */
  now(): Date
}

/** What operations work with. */
export interface Parts extends View {
  endAudit: EndAudit
  enqueuePlan(tx: Database, auditId: string, startAfter?: Date): Promise<void>
  /** Queues the planning of what is left of an audit. */
  enqueueSlices(tx: Database, auditId: string): Promise<void>
  enqueueReprobe(tx: Database, job: ReprobeJob, at: Date): Promise<void>
  /** Queues the delivery to a webhook, now or later. */
  enqueueDelivery(tx: Database, webhookId: string, at?: Date): Promise<void>
  enqueueBatches(tx: Database, vantage: string, jobs: readonly QueuedBatch[]): Promise<void>
}

/** A key id, `oidc:SUB`, `cli` or `system`. */
export interface Requester {
  actor: string
  /** Makes a repeated request return the first result. */
  idempotencyKey?: string | undefined
}

/** A row that counts its changes. */
export interface Versioned {
  createdAt: Date | string
  version: number
}

/** The actor, and the check of the expected version. */
export interface Revision {
  actor: string
  /** Whether a resource that exists is refused; `isExpected` says so, too. */
  mustBeNew: boolean
  /** Undefined stands for a row that does not exist. */
  isExpected(current: Versioned | undefined): boolean
}
