import { describe, expect, test } from 'vitest'
import type { BatchJob } from '../../src/jobs/batch-queues.ts'
import { type JobHandlers, openQueue } from '../../src/jobs/queue.ts'
import { startRelay } from '../support/relay.ts'
import { openTestStores } from '../support/stores.ts'

const nothing = async () => {}
const idle: JobHandlers = {
  planAudit: nothing,
  planSlices: nothing,
  failAudit: nothing,
  runBatch: nothing,
  failBatch: nothing,
  deliver: async () => {},
  maintain: nothing,
  reprobe: nothing,
  takeTicks: nothing,
}

const jobs = (count: number, checks = 500) =>
  Array.from({ length: count }, (_, batchId) => ({ auditId: 'a', batchId, checks }))

/** A queue on a database of its own, in which a statement was run before. */
async function start({ before, onError = () => {} }: { before?: string; onError?: (error: Error) => void } = {}) {
  const stores = await openTestStores({ connections: 2 })
  if (before) await stores.query(before)
  const queue = await openQueue({ url: stores.url, connections: 4, concurrency: 2, onError })
  return {
    stores,
    queue,
    async [Symbol.asyncDispose]() {
      await queue.stop(5_000)
      await stores.close()
    },
  }
}

describe.concurrent('the queue', () => {
  test('works off more batches than it has workers, and waits for no poll between them', async () => {
    await using started = await start()
    const { queue, stores } = started
    const done: number[] = []
    const { promise: allDone, resolve } = Promise.withResolvers<void>()
    await queue.work(['busy'], {
      ...idle,
      async runBatch({ batchId }) {
        if (done.push(batchId) === 60) resolve()
      },
    })
    await stores.transaction((_, tx) => queue.enqueueBatches(tx, 'busy', jobs(60)))
    await allDone // with a poll of 2 s after each, this test would have failed
    expect(done.toSorted((a, b) => a - b)).toEqual(jobs(60).map(({ batchId }) => batchId))
  }, 30_000)

  test('tries again within seconds what failed', async () => {
    await using started = await start()
    const { queue, stores } = started
    const { promise: succeeded, resolve } = Promise.withResolvers<void>()
    let tries = 0
    await queue.work(['hiccup'], {
      ...idle,
      async runBatch() {
        tries += 1
        if (tries === 1) throw new Error('a hiccup')
        resolve()
      },
    })
    await stores.transaction((_, tx) => queue.enqueueBatches(tx, 'hiccup', jobs(1)))
    await succeeded
    expect(tries).toBe(2)
  }, 30_000)

  test('tries one by one what failed together, so that one of them takes no other along again', async () => {
    await using started = await start()
    const { queue, stores } = started
    const { promise: allDone, resolve } = Promise.withResolvers<void>()
    const tried = new Set<number>()
    let [running, most, done] = [0, 0, 0]
    await queue.work(['together'], {
      ...idle,
      async runBatch({ batchId }) {
        if (!tried.has(batchId)) {
          tried.add(batchId)
          throw new Error('all of them died')
        }
        most = Math.max(most, ++running)
        await new Promise(setImmediate)
        running -= 1
        if (++done === 10) resolve()
      },
    })
    await stores.transaction((_, tx) => queue.enqueueBatches(tx, 'together', jobs(10, 5)))
    await allDone
    expect(most).toBe(1)
  })

  test('changes the queues that an earlier release has made', async () => {
    const before = `SELECT pgboss.create_queue('batch/old', '{"policy": "standard", "retryLimit": 2}')`
    await using started = await start({ before })
    const { queue, stores } = started
    await queue.take('old')
    const [settings] = await stores.query(
      `SELECT retry_limit AS tries, dead_letter AS next FROM pgboss.queue WHERE name = 'batch/old'`,
    )
    expect(settings).toEqual({ tries: 0, next: 'batch-again/old' })
  })

  test('reports what a handler throws', async () => {
    const { promise: reported, resolve } = Promise.withResolvers<Error>()
    await using started = await start({ onError: resolve })
    const { queue, stores } = started
    const failing = { ...idle, runBatch: () => Promise.reject(new Error('the network is made of cheese')) }
    await queue.work(['broken'], failing)
    await stores.transaction((_, tx) => queue.enqueueBatches(tx, 'broken', jobs(1)))
    expect((await reported).message).toBe('the network is made of cheese')
  })

  test('that has stopped says nothing about connections that the server ends before they have', async ({ expect }) => {
    const stores = await openTestStores({ connections: 2 })
    const relay = await startRelay(stores.url)
    const reported: Error[] = []
    const onError = (error: Error) => void reported.push(error)
    const queue = await openQueue({ url: relay.url, connections: 4, concurrency: 2, onError })
    await queue.rest(5_000)
    relay.hold() // the server does not hear of their end
    await queue.stop(5_000)
    const [ended] = await stores.query<{ count: number }>(
      `SELECT count(pg_terminate_backend(pid))::int FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'portwarden queue'`,
    )
    expect(ended?.count).toBeGreaterThan(0)
    await expect.poll(relay.open).toBe(0)
    expect(reported).toEqual([])
    await relay.stop()
    await stores.close()
  })

  test('reports a given-up batch again until its handler succeeds', async () => {
    const { promise: received, resolve } = Promise.withResolvers<BatchJob>()
    await using started = await start()
    const { queue, stores } = started
    let tries = 0
    await queue.work(['lost'], {
      ...idle,
      runBatch: () => Promise.reject(new Error('lost')),
      async failBatch(job) {
        tries += 1
        if (tries === 1) throw new Error('the database is away')
        resolve(job)
      },
    })
    await stores.transaction((_, tx) => queue.enqueueBatches(tx, 'lost', jobs(1)))
    expect(await received).toEqual({ auditId: 'a', batchId: 0 })
    // For hours; and soon again where its worker was killed.
    const settings = await stores.query(
      `SELECT retry_limit AS tries, heartbeat_seconds AS seconds FROM pgboss.queue WHERE name IN ('batch-failed', 'audit-plan-failed')`,
    )
    expect(settings).toEqual([1, 2].map(() => ({ tries: 1_000, seconds: 10 })))
  })
})
