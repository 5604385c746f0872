import { PgBoss, TestClock } from 'pg-boss'
import { expect } from 'vitest'
import { type JobHandlers, openQueue } from '../../src/jobs/queue.ts'
import { createScheduler } from '../../src/operations/schedules/tick.ts'
import type { ScheduleInput } from '../../src/store/inventory/schedules.ts'
import { ports } from './app.ts'
import { openTestStores, openTestStoresOn, type TestStores } from './stores.ts'

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
const maxSteps = 40

/** A database with a policy, a target, and a queue that no clock has driven before. */
export async function openScheduleStores(): Promise<TestStores> {
  const stores = await openTestStores()
  await stores.query('UPDATE pgboss.version SET cron_on = NULL') // the template was made on the clock of the system
  await stores.policies.put(ports)
  await stores.targets.save([{ name: 'host', address: '127.0.0.1' }])
  return stores
}

/**
 * Starts two schedulers, each with its own connections and queue as in a process of its own, on one database and one clock
 * that the test drives. Whenever the queue wakes one, both take ticks at the same time.
 */
export async function startTwo(stores: TestStores, clock: TestClock) {
  const errors: Error[] = []
  let taking = Promise.resolve()
  const options = { url: stores.url, connections: 4, concurrency: 1, clock, onError: (e: Error) => errors.push(e) }
  const queues = [await openQueue(options), await openQueue(options)]
  const both = await Promise.all(queues.map(() => openTestStoresOn(stores.url, { connections: 2 })))
  const schedulers = queues.map((queue, i) => {
    const own = both[i] ?? stores
    return createScheduler({ ...own, stores: own, ...queue, quota: undefined })
  })
  const takeTicks = (now: Date) => {
    const ticked = Promise.all(schedulers.map((scheduler) => scheduler.tick(now)))
    taking = taking.then(() => ticked).then(nothing)
    return taking
  }
  for (const queue of queues) await queue.work([], { ...idle, takeTicks })
  return {
    errors,
    /** Advances the clock until this many ticks are decided. */
    async decided(count: number) {
      for (let steps = 0; steps < maxSteps && (await stores.db.scheduleRun.count()) < count; steps++) {
        await clock.tick(2_000)
        await taking
      }
    },
    async stop() {
      await Promise.all(queues.map((queue) => queue.stop(1_000)))
      await Promise.all(both.map((own) => own.close()))
    },
  }
}

/** Creates a schedule in Berlin; returns its first ticks after `from`. */
export async function makeSchedule(
  stores: TestStores,
  { from, count, ...more }: Partial<ScheduleInput> & { from: string; count: number },
): Promise<Date[]> {
  const audit = { policy: ports.name, targets: ['host'], params: { openPort: 1, closedPort: 2 } }
  const plain = { jitterSeconds: 0, overlap: 'skip', missed: 'once', enabled: true, timeZone: 'Europe/Berlin' } as const
  const input: ScheduleInput = { name: 'nightly', cron: '30 2 * * *', audit, ...plain, ...more }
  const { cron, timeZone: tz } = input
  const boss = new PgBoss(stores.url) // never started
  const ticks: Date[] = []
  while (ticks.length < count) {
    const page = Math.min(20, count - ticks.length) // pg-boss searches for a second at most
    ticks.push(...boss.previewSchedule(cron, { tz, from: ticks.at(-1) ?? new Date(from), count: page }))
  }
  await stores.schedules.create(input, { requestedBy: 'test', nextAt: ticks[0] ?? null })
  return ticks
}

export const endAudits = (stores: TestStores) =>
  stores.query(`UPDATE audit SET status = 'completed' WHERE status <> 'completed' RETURNING id`)
export const runs = (stores: TestStores) =>
  stores.query<{ due: Date; outcome: string; audit: string | null }>(
    'SELECT due_at AS due, outcome, audit_id AS audit FROM schedule_run ORDER BY due_at',
  )

/** Advances the clock to a few seconds after each tick; returns the runs. */
export async function runThrough(stores: TestStores, ticks: readonly Date[]) {
  const clock = new TestClock(new Date((ticks[0]?.getTime() ?? 0) - 60_000))
  const two = await startTwo(stores, clock)
  for (const [i, tick] of ticks.entries()) {
    await clock.setTime(tick.getTime() + 5_000)
    await two.decided(i + 1)
    await endAudits(stores)
  }
  await two.decided(ticks.length + 1) // nothing more comes of them
  await two.stop()
  // The clock may jump while the queue waits for a response to its heartbeat, and hours pass until it comes.
  expect(two.errors.filter(({ message }) => message !== 'LISTEN/NOTIFY heartbeat timed out')).toEqual([])
  return runs(stores)
}
