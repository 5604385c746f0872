import { fromPrisma, type Job, PgBoss } from 'pg-boss'
import type { Database } from '../store/database.ts'

/** What a worker does with each kind of job; what it throws makes the job come back, three times in all. */
export interface JobHandlers {
  planAudit(job: { auditId: string }): Promise<void>
  /** An audit that could not be planned in any try. */
  failAudit(job: { auditId: string }): Promise<void>
  runBatch(job: BatchJob, signal: AbortSignal): Promise<void>
  /** A batch that failed in every try. */
  failBatch(job: BatchJob): Promise<void>
  /** Nightly, once for all processes. */
  maintain(): Promise<void>
}
export interface BatchJob {
  auditId: string
  batchId: number
}

/** The queues of audits, on PostgreSQL. Jobs are delivered at least once. */
export interface Queue {
  /** Queues the planning of an audit with the transaction that accepts it. */
  enqueuePlan(tx: Database, auditId: string): Promise<void>
  /** Queues batches with the transaction that plans them, for whoever serves the vantage. */
  enqueueBatches(tx: Database, vantage: string, jobs: readonly BatchJob[]): Promise<void>
  /** Starts to work: plans, and batches of the given vantages. */
  work(vantages: readonly string[], handlers: JobHandlers): Promise<void>
  /** Takes no more jobs, waits for the running ones up to `graceMs`, and hands back what is left. */
  stop(graceMs: number): Promise<void>
}

export interface QueueOptions {
  url: string
  connections: number
  /** Batches that one worker runs at the same time. */
  concurrency: number
  /** Trouble of the queue itself, which it survives. */
  onError(error: Error): void
}

const planQueue = 'audit-plan'
const planFailedQueue = 'audit-plan-failed'
const batchFailedQueue = 'batch-failed'
const maintenanceQueue = 'maintenance'
const maintenanceCron = '17 3 * * *'
const batchQueue = (vantage: string) => `batch/${vantage}`

// A worker that is killed shows by its missing heartbeat; 10 s is the least that pg-boss takes.
const delivery = {
  retryLimit: 2,
  retryDelay: 1,
  heartbeatSeconds: 10,
  expireInSeconds: 900,
  deleteAfterSeconds: 3600,
  notify: true,
}
const polling = { pollingIntervalSeconds: 2, notifyPollingIntervalSeconds: 30 }

/** Connects to the queues and makes them where they are missing. */
export async function openQueue({ url, connections, concurrency, onError }: QueueOptions): Promise<Queue> {
  const boss = new PgBoss({
    connectionString: url,
    max: connections,
    application_name: 'portwarden queue',
    useListenNotify: true,
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
  })
  boss.on('error', onError)
  await boss.start()

  const made = new Set<string>()
  const ensureQueue = async (name: string, options: object) => {
    if (made.has(name)) return
    await boss.createQueue(name, options)
    made.add(name)
  }
  const ensureBatchQueue = (vantage: string) =>
    ensureQueue(batchQueue(vantage), { ...delivery, deadLetter: batchFailedQueue })
  await ensureQueue(planFailedQueue, { notify: true })
  await ensureQueue(maintenanceQueue, { notify: true, policy: 'exclusive' })
  await ensureQueue(batchFailedQueue, { notify: true })
  await ensureQueue(planQueue, { ...delivery, deadLetter: planFailedQueue })

  const workOn = <T extends object>(
    name: string,
    localConcurrency: number,
    handle: (data: T, signal: AbortSignal) => Promise<void>,
  ) =>
    boss.work<T>(name, { ...polling, localConcurrency }, async (jobs: Job<T>[]) => {
      for (const { data, signal } of jobs) await handle(data, signal)
    })

  return {
    async enqueuePlan(tx, auditId) {
      await boss.send(planQueue, { auditId }, { db: fromPrisma(tx) })
    },
    async enqueueBatches(tx, vantage, jobs) {
      await ensureBatchQueue(vantage)
      await boss.insert(
        batchQueue(vantage),
        jobs.map((data) => ({ data })),
        { db: fromPrisma(tx) },
      )
    },
    async work(vantages, handlers) {
      await workOn(planQueue, concurrency, handlers.planAudit)
      await workOn(planFailedQueue, 1, handlers.failAudit)
      await workOn(batchFailedQueue, 1, handlers.failBatch)
      await workOn(maintenanceQueue, 1, handlers.maintain)
      await boss.schedule(maintenanceQueue, maintenanceCron, null, { tz: 'UTC', missed: 'once' })
      for (const vantage of vantages) {
        await ensureBatchQueue(vantage)
        await workOn(batchQueue(vantage), concurrency, handlers.runBatch)
      }
    },
    stop: (graceMs) => boss.stop({ graceful: true, timeout: graceMs }),
  }
}
