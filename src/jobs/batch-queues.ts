import { type FetchOptions, fromPrisma, type Job, type PgBoss, type Queue as QueueSettings } from 'pg-boss'
import { coalesce } from '../runtime/coalesce.ts'
import { pause } from '../runtime/sleep.ts'
import { isLarge, type QueuedBatch } from '../store/audits/batches.ts'
import type { Database } from '../store/db/database.ts'
import type { Notifications } from '../store/db/listen.ts'
import { type JobSource, startWorkerLoop, type WorkerLoop } from './worker-loop.ts'

export type BatchJob = Pick<QueuedBatch, 'auditId' | 'batchId'>

interface BatchQueueOptions {
  ensureQueue(name: string, settings: Omit<QueueSettings, 'name'>): Promise<void>
  /** How jobs of all kinds are delivered. */
  delivery: Omit<QueueSettings, 'name'> & { heartbeatSeconds: number }
  /** How the last attempts of a batch are delivered. */
  lastResort: BatchQueueOptions['delivery']
  /** The queue where batches go that failed in every try. */
  deadLetters: string
  /** Concurrent large batches of a worker per vantage. */
  concurrency: number
  waitForBatch: Notifications['waitForBatch']
  /** Pause between polls for jobs without a notification. */
  pollEverySeconds: number
  onError(error: Error): void
}

const firstQueue = (vantage: string) => `batch/${vantage}`
/** Holds batches whose first attempt did not end. */
const retryQueue = (vantage: string) => `batch-again/${vantage}`

/** So many small batches count as a large one. */
const smallBatches = 25
/** Tries of what did not end in its first. */
const triesAgain = 2
/** Small ones are taken first. */
const priority = { large: 0, small: 1 }

/** How many jobs a command of the queue has found; its type does not say that it does. */
const affected = (response: object): number =>
  'affected' in response && typeof response.affected === 'number' ? response.affected : 0

/**
 * Two queues per vantage. A batch that kills its worker also ends the batches beside it, so retries run one at a time from
 * their own queue, where they cost no other batch an attempt.
 */
export function createBatchQueues(boss: PgBoss, options: BatchQueueOptions) {
  const { ensureQueue, delivery, lastResort, deadLetters, concurrency, waitForBatch, pollEverySeconds, onError } =
    options
  /** Retries come first, because they have waited longer. */
  const ensure = async (vantage: string) => {
    const [first, again] = [firstQueue(vantage), retryQueue(vantage)]
    await ensureQueue(again, lastResort)
    await ensureQueue(first, { ...delivery, retryLimit: 0, deadLetter: again })
    return [again, first] as const
  }

  // pg-boss keeps no dead letters for moved jobs.
  const giveUp = async (name: string, { id, data }: Job<BatchJob>) => {
    await boss.send(deadLetters, data)
    await boss.complete(name, id)
  }
  const fetch = async (name: string, options: FetchOptions): Promise<Job<BatchJob>[]> => {
    const jobs = await boss.fetch<BatchJob>(name, { ...options, includeMetadata: true })
    const lost = jobs.filter(({ retryCount }) => retryCount >= triesAgain)
    for (const job of lost) await giveUp(name, job)
    return jobs.filter((job) => !lost.includes(job))
  }

  const workerLoops: WorkerLoop[] = []
  const startTaking = (
    name: string,
    { concurrency, which, wait }: { concurrency: number; which?: FetchOptions; wait: JobSource<object>['wait'] },
    work: (job: BatchJob) => Promise<void>,
  ) => {
    const complete = coalesce(async (jobs: readonly Job<BatchJob>[]) => {
      await boss.complete(name, [...jobs])
      return jobs
    })
    const workerLoop = startWorkerLoop<Job<BatchJob>>(
      {
        fetch: (batchSize) => fetch(name, { ...which, batchSize }),
        keep: (jobs) => boss.touch(name, [...jobs]),
        complete,
        fail: (jobs, error) => boss.fail(name, [...jobs], error),
        wait,
      },
      {
        concurrency,
        heartbeatEveryMs: (delivery.heartbeatSeconds / 3) * 1000,
        pollEveryMs: pollEverySeconds * 1000,
        work: ({ data }) => work(data),
        onError,
      },
    )
    workerLoops.push(workerLoop)
  }

  return {
    async enqueue(tx: Database, vantage: string, jobs: readonly QueuedBatch[]): Promise<void> {
      await ensure(vantage)
      await boss.insert(
        firstQueue(vantage),
        jobs.map(({ checks, ...data }) => ({ data, priority: isLarge(checks) ? priority.large : priority.small })),
        { db: fromPrisma(tx) },
      )
    },

    async drop(vantage: string, auditId: string): Promise<void> {
      for (const name of await ensure(vantage)) {
        const jobs = await boss.findJobs(name, { data: { auditId }, limit: 100_000 })
        const ids = jobs.map(({ id }) => id)
        if (ids.length > 0) await boss.cancel(name, ids)
      }
    },

    async take(vantage: string): Promise<Job<BatchJob> | undefined> {
      for (const name of await ensure(vantage)) {
        const [job] = await fetch(name, { batchSize: 1 })
        if (job) return job
      }
      return undefined
    },

    async keep(vantage: string, id: string): Promise<boolean> {
      for (const name of await ensure(vantage)) if (affected(await boss.touch(name, id)) > 0) return true
      return false
    },

    async giveBack(vantage: string, ids: string[]): Promise<void> {
      for (const name of await ensure(vantage)) await boss.fail(name, ids, new Error('no heartbeat in time'))
    },

    async complete(vantage: string, { id, batchId }: { id: string; batchId: number }): Promise<void> {
      const [again, first] = await ensure(vantage)
      const completeIn = async (name: string, ids: string[]) =>
        ids.length > 0 && affected(await boss.complete(name, ids, null, { includeQueued: true })) > 0
      if ((await completeIn(first, [id])) || (await completeIn(again, [id]))) return
      // It was taken for lost meanwhile, and waits there by another id.
      const waiting = await boss.findJobs(again, { data: { batchId }, limit: 10 })
      await completeIn(
        again,
        waiting.map((job) => job.id),
      )
    },

    async work(vantage: string, work: (job: BatchJob) => Promise<void>): Promise<void> {
      await ensure(vantage)
      for (const large of [true, false]) {
        const which = large ? { maxPriority: priority.large } : { minPriority: priority.small }
        const jobs = large ? concurrency : concurrency * smallBatches
        const wait = (ms: number, signal: AbortSignal) => waitForBatch({ vantage, large }, ms, signal)
        startTaking(firstQueue(vantage), { concurrency: jobs, which, wait }, work)
      }
      startTaking(retryQueue(vantage), { concurrency: 1, wait: pause }, work)
    },

    async rest(graceMs: number): Promise<void> {
      await Promise.all(workerLoops.splice(0).map((workerLoop) => workerLoop.rest(graceMs)))
    },
  }
}
