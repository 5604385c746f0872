import { PgBoss, TestClock } from 'pg-boss'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type JobHandlers, openQueue } from '../../../src/jobs/queue.ts'
import { createScheduler } from '../../../src/operations/schedules/tick.ts'
import type { ScheduleInput } from '../../../src/store/inventory/schedules.ts'
import { ports } from '../../support/app.ts'
import { openTestStores, openTestStoresOn, type TestStores } from '../../support/stores.ts'

const nothing = async () => {}
const idle: JobHandlers = {
  planAudit: nothing,
  failAudit: nothing,
  runBatch: nothing,
  failBatch: nothing,
  deliver: async () => {},
  maintain: nothing,
  reprobe: nothing,
  takeTicks: nothing,
}
const hourMs = 3_600_000
const dayMs = 24 * hourMs
const maxReprobes = 40

let stores: TestStores
beforeEach(async () => {
  stores = await openTestStores()
  await stores.query('UPDATE pgboss.version SET cron_on = NULL') // the queue was last used on the clock of the system
  await stores.policies.put(ports)
  await stores.targets.save([{ name: 'host', address: '127.0.0.1' }])
})
afterEach(() => stores.close())

/**
 * Two schedulers as two processes have them, each with connections and a queue of its own, on one database and one clock that
 * a test drives; whenever one is woken, both look for ticks at once.
 */
async function startTwo(clock: TestClock) {
  const errors: Error[] = []
  let looking = Promise.resolve()
  const options = { url: stores.url, connections: 4, concurrency: 1, clock, onError: (e: Error) => errors.push(e) }
  const queues = [await openQueue(options), await openQueue(options)]
  const both = await Promise.all(queues.map(() => openTestStoresOn(stores.url, { connections: 2 })))
  const schedulers = queues.map((queue, i) => {
    const own = both[i] ?? stores
    return createScheduler({ ...own, stores: own, ...queue, quota: undefined })
  })
  const takeTicks = (now: Date) => {
    const ticked = Promise.all(schedulers.map((scheduler) => scheduler.tick(now)))
    looking = looking.then(() => ticked).then(nothing)
    return looking
  }
  for (const queue of queues) await queue.work([], { ...idle, takeTicks })
  return {
    errors,
    /** Lets time pass until this many ticks are decided. */
    async decided(count: number) {
      for (let looks = 0; looks < maxReprobes && (await stores.db.scheduleRun.count()) < count; looks++) {
        await clock.tick(2_000)
        await looking
      }
    },
    async stop() {
      await Promise.all(queues.map((queue) => queue.stop(1_000)))
      await Promise.all(both.map((own) => own.close()))
    },
  }
}

/** A schedule in Berlin that is made at this time. */
async function makeSchedule(from: string, more: Partial<ScheduleInput> = {}) {
  const audit = { policy: ports.name, targets: ['host'], params: { openPort: 1, closedPort: 2 } }
  const plain = { jitterSeconds: 0, overlap: 'skip', missed: 'once', enabled: true, timeZone: 'Europe/Berlin' } as const
  const input: ScheduleInput = { name: 'nightly', cron: '30 2 * * *', audit, ...plain, ...more }
  const { cron, timeZone: tz } = input
  const boss = new PgBoss(stores.url) // is never started
  const ticks: Date[] = []
  while (ticks.length < 201)
    // a page at a time: it has a second for each
    ticks.push(...boss.previewSchedule(cron, { tz, from: ticks.at(-1) ?? new Date(from), count: 20 }))
  await stores.schedules.create(input, { requestedBy: 'test', nextAt: ticks[0] ?? null })
  return ticks
}

const endAudits = () => stores.query(`UPDATE audit SET status = 'completed' WHERE status <> 'completed' RETURNING id`)
const runs = () =>
  stores.query<{ due: Date; outcome: string; audit: string | null }>(
    'SELECT due_at AS due, outcome, audit_id AS audit FROM schedule_run ORDER BY due_at',
  )

/** Lives through these ticks, a few seconds late each; answers what became of them. */
async function live(ticks: readonly Date[]) {
  const clock = new TestClock(new Date((ticks[0]?.getTime() ?? 0) - 60_000))
  const two = await startTwo(clock)
  for (const [i, tick] of ticks.entries()) {
    await clock.setTime(tick.getTime() + 5_000)
    await two.decided(i + 1)
    await endAudits()
  }
  await two.decided(ticks.length + 1) // nothing more comes of them
  await two.stop()
  // The clock may jump while the queue waits for an answer to its own heartbeat, and hours pass until it comes.
  expect(two.errors.filter(({ message }) => message !== 'LISTEN/NOTIFY heartbeat timed out')).toEqual([])
  return runs()
}

const localDay = new Intl.DateTimeFormat('sv', { timeZone: 'Europe/Berlin', dateStyle: 'short' })

describe('two schedulers on one database', () => {
  test('make one audit for each of 200 nights, both changes of daylight-saving time included', {
    timeout: 240_000,
  }, async () => {
    const ticks = (await makeSchedule('2026-10-12T12:00:00Z')).slice(0, 200)
    const days = ticks.map((tick) => localDay.format(tick))
    expect(days).toEqual(expect.arrayContaining(['2026-10-25', '2027-03-28']))
    expect(new Set(days).size).toBe(200)
    const lived = await live(ticks)
    expect(lived.map(({ due }) => due)).toEqual(ticks)
    expect(lived.every(({ outcome }) => outcome === 'audit')).toBe(true)
    const [count] = await stores.query<{ audits: number }>('SELECT count(*)::int AS audits FROM audit')
    expect(count?.audits).toBe(200)
    expect(new Set(lived.map(({ audit }) => audit)).size).toBe(200)
  })

  test.each([
    ['25', 'autumn', '2026-10-24T21:59:59Z'],
    ['23', 'spring', '2027-03-27T22:59:59Z'],
  ])('make %s hourly audits on the day of the change in %s', async (hours, _, from) => {
    const ticks = (await makeSchedule(from, { cron: '0 * * * *' })).slice(0, Number(hours))
    expect(new Set(ticks.map((tick) => localDay.format(tick))).size).toBe(1)
    const gaps = ticks.slice(1).map((tick, i) => tick.getTime() - (ticks[i]?.getTime() ?? 0))
    expect(new Set(gaps)).toEqual(new Set([hourMs]))
    const lived = await live(ticks)
    expect(lived.map(({ due }) => due)).toEqual(ticks)
    expect(new Set(lived.map(({ audit }) => audit)).size).toBe(ticks.length)
  })

  test.each([
    ['once', ['audit', 'missed', 'missed', 'caught-up']],
    ['skip', ['audit', 'missed', 'missed', 'missed']],
  ] as const)('that were down across three ticks, missed: %s, name them all: %j', async (missed, outcomes) => {
    const ticks = await makeSchedule('2026-11-01T12:00:00Z', { missed })
    const first = ticks[0]?.getTime() ?? 0
    const clock = new TestClock(new Date(first + 5_000))
    const before = await startTwo(clock)
    await before.decided(1)
    await before.stop()
    await endAudits()
    await clock.setTime(first + 3 * dayMs + hourMs)
    const after = await startTwo(clock)
    await after.decided(4)
    await after.decided(5)
    await after.stop()
    expect((await runs()).map(({ outcome }) => outcome)).toEqual(outcomes)
  })
})
