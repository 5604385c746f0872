import { describe, expect, test } from 'vitest'
import { type JobSource, startWorkerLoop, type WorkerLoopOptions } from '../../src/jobs/worker-loop.ts'

/** A queue in memory; what becomes of its jobs can be waited for. */
function openQueue(waiting: string[]) {
  const log: string[] = []
  const watchers: { line: string; resolve: () => void }[] = []
  const note = (line: string) => {
    log.push(line)
    for (const { resolve } of watchers.filter((watcher) => watcher.line === line)) resolve()
  }
  let wake = () => {}
  const source: JobSource<string> = {
    async fetch(count) {
      const jobs = waiting.splice(0, count)
      note(`fetch ${count}: ${jobs.join(' ')}`)
      return jobs
    },
    keep: async (jobs) => note(`keep ${jobs.join(' ')}`),
    complete: async (job) => note(`complete ${job}`),
    fail: async (jobs, error) => note(`fail ${jobs.join(' ')}: ${error.message}`),
    wait: (_, signal) =>
      new Promise((resolve) => {
        wake = resolve
        signal.addEventListener('abort', () => resolve())
      }),
  }
  return {
    source,
    log,
    seen: (line: string) =>
      log.includes(line) ? undefined : new Promise<void>((resolve) => watchers.push({ line, resolve })),
    add(job: string) {
      waiting.push(job)
      wake()
    },
  }
}

const quiet = { concurrency: 2, heartbeatEveryMs: 60_000, pollEveryMs: 60_000, onError: () => {} }

/** Jobs that are worked on until they are let go. */
function hold() {
  const held = new Map<string, PromiseWithResolvers<void>>()
  const of = (job: string) => held.get(job) ?? held.set(job, Promise.withResolvers<void>()).get(job)
  return {
    work: async (job: string) => of(job)?.promise,
    release: (job: string) => of(job)?.resolve(),
    spoil: (job: string) => of(job)?.reject(new Error('spoilt')),
  }
}

const start = (queue: ReturnType<typeof openQueue>, options: Partial<WorkerLoopOptions<string>>) =>
  startWorkerLoop(queue.source, { ...quiet, work: async () => {}, ...options })

describe('a worker loop', () => {
  test('takes as many as there is room for, and the next when one of them has ended, not all', async () => {
    const queue = openQueue(['a', 'b', 'c'])
    const { work, release } = hold()
    const workerLoop = start(queue, { work })
    await queue.seen('fetch 2: a b')
    release('b')
    await queue.seen('fetch 1: c')
    expect(queue.log).toEqual(['fetch 2: a b', 'complete b', 'fetch 1: c'])
    release('a')
    release('c')
    await workerLoop.rest(10_000)
  })

  test('polls again when it is notified of more jobs', async () => {
    const queue = openQueue([])
    const workerLoop = start(queue, {})
    await queue.seen('fetch 2: ')
    queue.add('late')
    await queue.seen('complete late')
    await workerLoop.rest(10_000)
  })

  test('gives back what failed, and reports why', async () => {
    const queue = openQueue(['bad', 'good'])
    const reported: Error[] = []
    const { work, release, spoil } = hold()
    const workerLoop = start(queue, { work, onError: (error) => reported.push(error) })
    spoil('bad')
    release('good')
    await queue.seen('fail bad: spoilt')
    await queue.seen('complete good')
    expect(reported.map(({ message }) => message)).toEqual(['spoilt'])
    await workerLoop.rest(10_000)
  })

  test('survives a queue that does not respond', async () => {
    const queue = openQueue(['a'])
    const { promise: reported, resolve } = Promise.withResolvers<Error>()
    let tries = 0
    const source: JobSource<string> = {
      ...queue.source,
      fetch: async (count) => (tries++ === 0 ? Promise.reject(new Error('away')) : queue.source.fetch(count)),
      wait: async () => {},
    }
    const workerLoop = startWorkerLoop(source, { ...quiet, work: async () => {}, onError: resolve })
    expect((await reported).message).toBe('away')
    await queue.seen('complete a')
    await workerLoop.rest(10_000)
  })

  test('says that it is at work, until it rests', async () => {
    const queue = openQueue(['long'])
    const { work, release } = hold()
    const workerLoop = start(queue, { work, heartbeatEveryMs: 1 })
    await queue.seen('keep long')
    release('long')
    await workerLoop.rest(10_000)
    expect(queue.log.at(-1)).toBe('complete long')
  })

  test('waits for what is under way when it rests, takes no more, and gives back what takes too long', async () => {
    const queue = openQueue(['short', 'long', 'later'])
    const { work, release } = hold()
    const workerLoop = start(queue, { work })
    await queue.seen('fetch 2: short long')
    const rested = workerLoop.rest(1)
    release('short')
    await rested
    expect(queue.log).toContain('fail long: its worker has stopped')
    expect(queue.log.some((line) => line.includes('later'))).toBe(false)
    release('long')
  })
})
