import { type Clock, fromPrisma, type Job, PgBoss, type Queue as QueueSettings, systemClock } from 'pg-boss'
import type { ReprobeJob } from '../domain/exceptions/windows.ts'
import { pause } from '../runtime/sleep.ts'
import type { QueuedBatch } from '../store/audits/batches.ts'
import { connectionOptions } from '../store/db/connection.ts'
import type { Database } from '../store/db/database.ts'
import { parseDatabaseUrl } from '../store/db/database-url.ts'
import type { Notifications } from '../store/db/listen.ts'
import { WatchedClient } from '../store/db/liveness/watched-client.ts'
import { queueSchemaOf, quoteIdentifier } from '../store/db/schemas.ts'
import { type BatchJob, createBatchQueues } from './batch-queues.ts'
import { nextTicks } from './cron-ticks.ts'

/** What a worker does with each kind of job; what it throws makes the job come back, three times in all. */
export interface JobHandlers {
  planAudit(job: { auditId: string }): Promise<void>
  /** Plans what is left of an audit whose planning was started. */
  planSlices(job: { auditId: string }): Promise<void>
  /** An audit that could not be planned in any try. */
  failAudit(job: { auditId: string }): Promise<void>
  runBatch(job: BatchJob, vantage: string): Promise<void>
  /** A batch that failed in every try. */
  failBatch(job: BatchJob): Promise<void>
  /** Nightly, once for all processes. */
  maintain(): Promise<void>
  /** Probes the exposure of an ended window again. */
  reprobe(job: ReprobeJob): Promise<void>
  /** Sends what is due to a webhook. */
  deliver(job: { webhookId: string }): Promise<void>
  /** Every minute: takes the ticks of schedules that are due. */
  takeTicks(now: Date): Promise<void>
}

/** The job queues; jobs are delivered at least once. */
export interface Queue {
  /** Queues the planning of an audit with the transaction that accepts it, for now or for later. */
  enqueuePlan(tx: Database, auditId: string, startAfter?: Date): Promise<void>
  /** Queues the planning of what is left of an audit in the transaction that begins it. */
  enqueueSlices(tx: Database, auditId: string): Promise<void>
  /** Queues a reprobe of a window in the caller's transaction. */
  enqueueReprobe(tx: Database, job: ReprobeJob, at: Date): Promise<void>
  /** Takes the batches of an audit out of the queue of a vantage, wherever they are in it. */
  dropBatches(vantage: string, auditId: string): Promise<void>
  /** Queues batches in the transaction that plans them. */
  enqueueBatches(tx: Database, vantage: string, jobs: readonly QueuedBatch[]): Promise<void>
  /** Queues the delivery of what waits for a webhook with the transaction that adds to it, for now or for later. */
  enqueueDelivery(tx: Database, webhookId: string, at?: Date): Promise<void>
  /** The ticks of a cron expression after a point in time; throws an Error for an invalid one, or one without ticks. */
  nextTicks(cron: string, timeZone: string, after: { from: Date; count: number }): Date[]
  /** Takes a batch of a vantage, if one waits; the caller sends its heartbeats and completes it. */
  take(vantage: string): Promise<{ id: string; data: BatchJob } | undefined>
  /** Sends a heartbeat; false when another worker has the batch. */
  keep(vantage: string, id: string): Promise<boolean>
  /** Takes batches from workers that sent no heartbeat in time: others get them. */
  giveBack(vantage: string, ids: string[]): Promise<void>
  /** Removes a recorded batch from the queue. */
  complete(vantage: string, taken: { id: string; batchId: number }): Promise<void>
  /** Starts to work: plans, and batches of the given vantages. */
  work(vantages: readonly string[], handlers: JobHandlers): Promise<void>
  /** Rejects while jobs cannot be queued: the queues are not there, or their database does not respond. */
  check(): Promise<void>
  /** Takes no more jobs, waits for the running ones up to `graceMs`, and hands back what is left; jobs can still be queued. */
  rest(graceMs: number): Promise<void>
  /** The same, and disconnects. */
  stop(graceMs: number): Promise<void>
}

interface QueueOptions {
  url: string
  connections: number
  /** Large batches that one worker runs at the same time, of each vantage; of small ones many more. */
  concurrency: number
  /** Resolves when a batch may have come, after `ms`, or when the signal comes; default: after `ms`. */
  waitForBatch?: Notifications['waitForBatch']
  /** Reports failures of the queue that it survives. */
  onError(error: Error): void
  /** Default: the clock of the system. */
  clock?: Clock
}

const planQueue = 'audit-plan'
/** A queue of its own: a worker of an earlier version does not know slices. */
const sliceQueue = 'audit-slices'
/** Audits of which a worker plans the slices at the same time. */
const sliceConcurrency = 2
const planFailedQueue = 'audit-plan-failed'
const batchFailedQueue = 'batch-failed'
const reprobeQueue = 'window-end'
const maintenanceQueue = 'maintenance'
const maintenanceCron = '17 3 * * *'
const tickQueue = 'schedule-ticks'
const deliveryQueue = 'webhook-delivery'
const deliveryConcurrency = 8
const everyMinute = '* * * * *'

// A worker that is killed shows by its missing heartbeat; 10 s is the least that pg-boss takes.
const delivery = {
  retryLimit: 2,
  // After a second or two, then after two to four: what failed together does not come back together.
  retryDelay: 1,
  retryBackoff: true,
  heartbeatSeconds: 10,
  expireInSeconds: 900,
  deleteAfterSeconds: 3600,
  notify: true,
}
/** Retries for hours: soon at first, then every minute. */
const lastResort = { ...delivery, retryLimit: 1_000, retryDelayMax: 60 }
// A new job wakes its workers. A retry and a dead letter wait for the next poll.
const pollEverySeconds = 2
const polling = { pollingIntervalSeconds: pollEverySeconds, notifyPollingIntervalSeconds: pollEverySeconds }
/** A clock for the queue that shows this time. */
export const clockOf = (now: () => Date): Clock => ({ ...systemClock, now: () => now().getTime() })

/** pg-boss takes a name that needs quotes with them only. */
const quoted = (schema: string) => (/^[a-z_][a-z0-9_]*$/.test(schema) ? schema : quoteIdentifier(schema))

/** Connects to the queues and creates missing ones. */
export async function openQueue(options: QueueOptions): Promise<Queue> {
  const { url, connections, concurrency, onError, clock = systemClock } = options
  const { waitForBatch = (_, ms, signal) => pause(ms, signal) } = options
  // pg-boss hands these on to its pool.
  const connection = { ...connectionOptions(url, 'portwarden queue'), Client: WatchedClient }
  const boss = new PgBoss({
    clock,
    ...connection,
    schema: quoted(queueSchemaOf(parseDatabaseUrl(url).parameters.schema)),
    createSchema: false, // migrations did
    max: connections,
    useListenNotify: true,
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
  })
  boss.on('error', onError)
  await boss.start()

  const made = new Set<string>()
  const ensureQueue = async (name: string, { policy, ...options }: Omit<QueueSettings, 'name'>) => {
    if (made.has(name)) return
    await boss.createQueue(name, { ...(policy && { policy }), ...options })
    await boss.updateQueue(name, options) // one of an earlier release
    made.add(name)
  }
  await ensureQueue(planFailedQueue, lastResort)
  await ensureQueue(batchFailedQueue, lastResort)
  await ensureQueue(maintenanceQueue, { notify: true, policy: 'exclusive' })
  // A failed job is not retried: the next one comes within a minute and finds the same ticks.
  await ensureQueue(tickQueue, { notify: true, retryLimit: 0, retentionSeconds: 600, deleteAfterSeconds: 600 })
  // A reprobe waits for workers that were down for weeks.
  await ensureQueue(reprobeQueue, { ...lastResort, retentionSeconds: 366 * 86_400 })
  await ensureQueue(deliveryQueue, delivery)
  await ensureQueue(planQueue, { ...delivery, deadLetter: planFailedQueue })
  await ensureQueue(sliceQueue, { ...delivery, deadLetter: planFailedQueue })

  const workOn = async <T extends object>(name: string, workers: number, handle: (data: T) => Promise<void>) => {
    for (let started = 0; started < workers; started++) {
      const id = await boss.work<T>(name, polling, async (jobs: Job<T>[]) => {
        boss.notifyWorker(id) // without it a worker that had a job waits for the next poll, however many there are
        try {
          for (const { data } of jobs) await handle(data)
        } catch (error) {
          onError(error instanceof Error ? error : new Error(String(error))) // the queue stores it in the job only
          throw error
        }
      })
    }
  }

  const batches = createBatchQueues(boss, {
    ensureQueue,
    delivery: { ...delivery, notify: false },
    lastResort: { ...lastResort, notify: false },
    deadLetters: batchFailedQueue,
    concurrency,
    waitForBatch,
    pollEverySeconds,
    onError,
  })
  const rest = async (graceMs: number) => {
    await Promise.all([batches.rest(graceMs), boss.stop({ graceful: true, timeout: graceMs, close: false })])
  }

  return {
    async enqueuePlan(tx, auditId, startAfter) {
      await boss.send(planQueue, { auditId }, { db: fromPrisma(tx), ...(startAfter && { startAfter }) })
    },
    async enqueueSlices(tx, auditId) {
      await boss.send(sliceQueue, { auditId }, { db: fromPrisma(tx) })
    },
    async enqueueReprobe(tx, job, at) {
      await boss.send(reprobeQueue, job, { db: fromPrisma(tx), startAfter: at })
    },
    enqueueBatches: batches.enqueue,
    dropBatches: batches.drop,
    take: batches.take,
    keep: batches.keep,
    giveBack: batches.giveBack,
    complete: batches.complete,
    async enqueueDelivery(tx, webhookId, at) {
      await boss.send(deliveryQueue, { webhookId }, { db: fromPrisma(tx), ...(at && { startAfter: at }) })
    },
    nextTicks,
    async work(vantages, handlers) {
      await workOn(planQueue, concurrency, handlers.planAudit)
      await workOn(sliceQueue, sliceConcurrency, handlers.planSlices)
      await workOn(planFailedQueue, 1, handlers.failAudit)
      await workOn(reprobeQueue, 1, handlers.reprobe)
      await workOn(batchFailedQueue, 1, handlers.failBatch)
      await workOn(deliveryQueue, deliveryConcurrency, handlers.deliver)
      await workOn(maintenanceQueue, 1, handlers.maintain)
      await workOn(tickQueue, 1, () => handlers.takeTicks(new Date(clock.now())))
      await boss.schedule(tickQueue, everyMinute, null, { tz: 'UTC', missed: 'once' })
      await boss.schedule(maintenanceQueue, maintenanceCron, null, { tz: 'UTC', missed: 'once' })
      for (const vantage of vantages) await batches.work(vantage, (job) => handlers.runBatch(job, vantage))
    },
    async check() {
      if (!(await boss.getQueue(planQueue))) throw new Error(`there is no queue ${planQueue}`)
      await boss.findJobs(planQueue, { limit: 1 })
    },
    rest,
    async stop(graceMs) {
      await rest(graceMs)
      await boss.stop({ graceful: true, timeout: graceMs })
      // Its connections end shortly after; a server that stops meanwhile may cut them.
      boss.off('error', onError).on('error', () => {})
    },
  }
}
