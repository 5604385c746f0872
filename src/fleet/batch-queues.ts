import { setTimeout as pause } from 'node:timers/promises'
import { fromPrisma, type Job, type PgBoss, type Queue as QueueSettings } from 'pg-boss'
import { inGroups } from '../domain/groups.ts'
import { isLarge, type QueuedBatch } from '../store/batches.ts'
import type { Database } from '../store/database.ts'
import type { Notifications } from '../store/notifications.ts'
import { type JobSource, startTaker, type Taker } from './taker.ts'

export type BatchJob = Pick<QueuedBatch, 'auditId' | 'batchId'>

export interface BatchQueueOptions {
  ensureQueue(name: string, settings: Omit<QueueSettings, 'name'>): Promise<void>
  /** How jobs of all kinds are delivered. */
  delivery: Omit<QueueSettings, 'name'> & { heartbeatSeconds: number }
  /** Where batches go that failed in every try. */
  deadLetter: string
  /** Large batches that one worker runs at the same time, of each vantage. */
  concurrency: number
  waitForBatch: Notifications['waitForBatch']
  /** How soon is seen what nobody tells of. */
  lookEverySeconds: number
  onError(error: Error): void
}

const firstQueue = (vantage: string) => `batch/${vantage}`
/** Where batches wait that did not end in their first try. */
const againQueue = (vantage: string) => `batch-again/${vantage}`

/** So many small batches count as a large one. */
const smallBatches = 25
/** Small ones are taken first. */
const priority = { large: 0, small: 1 }

/** How many jobs a command of the queue has found; its type does not say that it does. */
const affected = (response: object): number =>
  'affected' in response && typeof response.affected === 'number' ? response.affected : 0

/**
 * The queues of batches, two for each vantage. A batch that kills its worker takes what runs beside it along: whatever did not
 * end in its first try has two more in a queue of its own, from which a worker takes one at a time, so that it is found out
 * there and takes nobody along a third time.
 */
export function createBatchQueues(boss: PgBoss, options: BatchQueueOptions) {
  const { ensureQueue, delivery, deadLetter, concurrency, waitForBatch, lookEverySeconds, onError } = options
  /** Those of a vantage, that of the first tries last: others have waited longer. */
  const ensure = async (vantage: string) => {
    const [first, again] = [firstQueue(vantage), againQueue(vantage)]
    await ensureQueue(again, { ...delivery, retryLimit: 1, deadLetter })
    await ensureQueue(first, { ...delivery, retryLimit: 0, deadLetter: again })
    return [again, first]
  }

  const takers: Taker[] = []
  const startTaking = (
    name: string,
    {
      atOnce,
      work,
      ...source
    }: Pick<JobSource<Job<BatchJob>>, 'fetch' | 'wait'> & {
      atOnce: number
      work(job: BatchJob): Promise<void>
    },
  ) => {
    const complete = inGroups(async (jobs: readonly Job<BatchJob>[]) => {
      await boss.complete(name, [...jobs])
      return jobs
    })
    const taker = startTaker<Job<BatchJob>>(
      {
        ...source,
        complete,
        keep: (jobs) => boss.touch(name, [...jobs]),
        fail: (jobs, error) => boss.fail(name, [...jobs], error),
      },
      {
        atOnce,
        keepEveryMs: (delivery.heartbeatSeconds / 3) * 1000,
        lookEveryMs: lookEverySeconds * 1000,
        work: ({ data }) => work(data),
        onError,
      },
    )
    takers.push(taker)
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
        const [job] = await boss.fetch<BatchJob>(name)
        if (job) return job
      }
      return undefined
    },

    async keep(vantage: string, id: string): Promise<boolean> {
      for (const name of await ensure(vantage)) if (affected(await boss.touch(name, id)) > 0) return true
      return false
    },

    async complete(vantage: string, id: string): Promise<void> {
      for (const name of await ensure(vantage)) await boss.complete(name, id, null, { includeQueued: true })
    },

    async work(vantage: string, work: (job: BatchJob) => Promise<void>): Promise<void> {
      await ensure(vantage)
      for (const large of [true, false]) {
        const name = firstQueue(vantage)
        const which = large ? { maxPriority: priority.large } : { minPriority: priority.small }
        startTaking(name, {
          atOnce: large ? concurrency : concurrency * smallBatches,
          work,
          fetch: (batchSize) => boss.fetch<BatchJob>(name, { ...which, batchSize }),
          wait: (ms, signal) => waitForBatch({ vantage, large }, ms, signal),
        })
      }
      startTaking(againQueue(vantage), {
        atOnce: 1,
        work,
        fetch: (batchSize) => boss.fetch<BatchJob>(againQueue(vantage), { batchSize }),
        wait: (ms, signal) => pause(ms, undefined, { signal }).catch(() => {}),
      })
    },

    async rest(graceMs: number): Promise<void> {
      await Promise.all(takers.splice(0).map((taker) => taker.rest(graceMs)))
    },
  }
}
