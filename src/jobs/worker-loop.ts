import { pause } from '../runtime/sleep.ts'

/** One queue, as who takes jobs from it sees it. What is said of jobs that are not ours any more changes nothing. */
export interface JobSource<J> {
  /** Takes so many jobs at the most. */
  fetch(count: number): Promise<readonly J[]>
  /** Says that jobs are being worked on. */
  keep(jobs: readonly J[]): Promise<unknown>
  complete(job: J): Promise<unknown>
  /** Returns jobs for a retry, or as failed. */
  fail(jobs: readonly J[], error: Error): Promise<unknown>
  /** Resolves when there may be a job, after `ms`, or when the signal comes. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

export interface WorkerLoopOptions<J> {
  /** Jobs that are worked on at the same time. */
  concurrency: number
  /** How often it is said that they are. */
  heartbeatEveryMs: number
  /** Pause between polls for jobs that send no notification. */
  pollEveryMs: number
  work(job: J): Promise<void>
  onError(error: Error): void
}

export interface WorkerLoop {
  /** Takes no more, waits for what is under way up to `graceMs`, and gives back what is left. */
  rest(graceMs: number): Promise<void>
}

/** Takes as many jobs as there is room for, together, and works on each by itself: none waits for those that came with it. */
export function startWorkerLoop<J>(source: JobSource<J>, options: WorkerLoopOptions<J>): WorkerLoop {
  const { concurrency, work } = options
  const running = new Map<J, Promise<void>>()
  const resting = new AbortController()
  const rested = new Promise<void>((resolve) => resting.signal.addEventListener('abort', () => resolve()))
  const publish = (error: unknown) => options.onError(error instanceof Error ? error : new Error(String(error)))
  let ended = Promise.withResolvers<void>()

  const run = async (job: J) => {
    try {
      await work(job)
      await source.complete(job)
    } catch (error) {
      publish(error) // the queue stores it in the job only
      await source.fail([job], error instanceof Error ? error : new Error(String(error))).catch(publish)
    }
    running.delete(job)
    ended.resolve()
  }
  const takeAll = async () => {
    while (!resting.signal.aborted) {
      const polled = new AbortController()
      const notified = source.wait(options.pollEveryMs, AbortSignal.any([resting.signal, polled.signal]))
      ended = Promise.withResolvers()
      const room = concurrency - running.size
      const jobs = (room > 0 && (await source.fetch(room).catch(publish))) || []
      for (const job of jobs) running.set(job, run(job))
      if (jobs.length < room) await notified
      else await Promise.race([ended.promise, rested])
      polled.abort()
    }
  }
  const keeping = setInterval(() => {
    if (running.size > 0) source.keep([...running.keys()]).catch(publish)
  }, options.heartbeatEveryMs)
  const taking = takeAll()

  return {
    async rest(graceMs) {
      resting.abort()
      const grace = new AbortController()
      const allDone = taking.then(() => Promise.all(running.values()))
      await Promise.race([allDone, pause(graceMs, grace.signal)])
      grace.abort()
      clearInterval(keeping)
      if (running.size > 0) await source.fail([...running.keys()], new Error('its worker has stopped')).catch(publish)
    },
  }
}
