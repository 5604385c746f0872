import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ScheduleInput } from '../../../src/store/inventory/schedules.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'

const at = (text: string) => new Date(`2027-${text}Z`)
let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
  await app.stores.targets.save([{ name: 'host', address: '127.0.0.1' }])
})
afterAll(() => app.stop())

const params = { openPort: 1, closedPort: 2 }
let made = 0

/** A schedule at 02:00 UTC every day whose first tick is on the second of January, unless something else is said. */
async function makeSchedule(more: Partial<ScheduleInput> = {}) {
  const name = `nightly-${++made}`
  const audit = { policy: 'ports', targets: ['host'], params }
  const plain = { cron: '0 2 * * *', timeZone: 'UTC', jitterSeconds: 0, overlap: 'skip', missed: 'once' } as const
  const input: ScheduleInput = { name, audit, ...plain, enabled: true, ...more }
  const [nextAt = null] = app.scheduler.next(input, at('01-01T12:00:00'), 1)
  const schedule = await app.stores.schedules.create(input, { requestedBy: 'tester', nextAt })
  if (!schedule) throw new Error('the name is taken')
  const runs = async () => (await app.stores.schedules.runs(schedule.id, { limit: 100 })).items.toReversed()
  const outcomes = async () =>
    (await runs()).map(({ dueAt, outcome }) => `${dueAt.toISOString().slice(5, 16)} ${outcome}`)
  const tick = (text: string) => app.scheduler.settle(schedule.id, at(text))
  const end = async () => {
    for (const { auditId } of await runs()) if (auditId) await app.endAudit({ id: auditId })
  }
  return { id: schedule.id, name, input, runs, outcomes, tick, end }
}

describe('a tick', () => {
  test('makes one audit that names its schedule, however often it is taken', async () => {
    const { name, tick, runs } = await makeSchedule()
    await Promise.all([tick('01-02T02:00:05'), tick('01-02T02:00:05'), tick('01-02T02:00:06')])
    await tick('01-02T02:00:30')
    const [run, ...others] = await runs()
    expect(others).toEqual([])
    expect(run).toMatchObject({ outcome: 'audit', reason: null })
    const audits = (await app.stores.audits.list({ limit: 100 })).items.filter((a) => a.trigger === `schedule:${name}`)
    expect(audits.map(({ id }) => id)).toEqual([run?.auditId])
  })

  test('is not taken before its time', async () => {
    const { tick, runs } = await makeSchedule()
    await tick('01-02T01:59:59')
    expect(await runs()).toEqual([])
  })

  test('puts its audit off by the jitter of that tick', async () => {
    const { tick, runs } = await makeSchedule({ jitterSeconds: 3600 })
    await tick('01-02T02:00:05')
    const [run] = await runs()
    const [job] = await app.query<{ start: string }>(
      `SELECT start_after AS start FROM pgboss.job WHERE name = 'audit-plan' AND data->>'auditId' = '${run?.auditId}'`,
    )
    const start = new Date(job?.start ?? 0)
    expect(start > at('01-02T02:00:00') && start <= at('01-02T03:00:00')).toBe(true)
  })

  test('of a policy that is gone is refused with the reason, and the next one is taken all the same', async () => {
    const { tick, runs, outcomes } = await makeSchedule({ audit: { policy: 'vanished', targets: ['host'] } })
    await tick('01-02T02:00:05')
    await tick('01-03T02:00:05')
    expect(await outcomes()).toEqual(['01-02T02:00 refused', '01-03T02:00 refused'])
    expect((await runs())[0]).toMatchObject({ auditId: null, reason: expect.stringContaining('no policy vanished') })
  })

  test('of a key that is revoked or expired is refused with the reason', async () => {
    const { id: scheduleId, tick, runs } = await makeSchedule()
    const requestBy = async (more: object) => {
      const [, id = ''] = (await app.stores.keys.create('leaver', ['audits:run'], more)).split('_')
      await app.query(`UPDATE schedule SET requested_by = '${id}' WHERE id = ${scheduleId}`)
      return id
    }
    await app.stores.keys.revoke(await requestBy({}))
    await tick('01-02T02:00:05')
    await requestBy({ expiresAt: at('01-03T02:00:00') })
    await tick('01-03T02:00:05')
    await requestBy({ expiresAt: at('01-05T02:00:00') })
    await tick('01-04T02:00:05')
    expect(await runs()).toMatchObject([
      { outcome: 'refused', auditId: null, reason: expect.stringContaining('was revoked') },
      { outcome: 'refused', auditId: null, reason: expect.stringContaining('has expired') },
      { outcome: 'audit' },
    ])
  })

  test('of a label selector finds the targets at its time', async () => {
    const labels = { made: 'later' }
    const { tick, runs } = await makeSchedule({ audit: { policy: 'ports', targets: { labels }, params } })
    await tick('01-02T02:00:05')
    await app.stores.targets.save([{ name: 'newcomer', address: '127.0.0.1', labels }])
    await tick('01-03T02:00:05')
    expect(await runs()).toMatchObject([{ outcome: 'refused' }, { outcome: 'audit' }])
  })
})

test('an audit that makes a tick good has its deadline from its start, not from the tick', async () => {
  const { tick, runs } = await makeSchedule()
  await tick('01-02T12:00:00')
  const audit = await app.stores.audits.find((await runs())[0]?.auditId ?? '')
  expect(audit?.deadlineAt).toBe('2027-01-02T13:00:00.000Z')
})

describe('while the audit of an earlier tick goes on, a tick', () => {
  test('is skipped and says why', async () => {
    const { tick, runs, end, outcomes } = await makeSchedule({ overlap: 'skip' })
    await tick('01-02T02:00:05')
    await tick('01-03T02:00:05')
    await end()
    await tick('01-04T02:00:05')
    expect(await outcomes()).toEqual(['01-02T02:00 audit', '01-03T02:00 skipped', '01-04T02:00 audit'])
    expect((await runs())[1]?.reason).toContain('still going')
  })

  test('waits for its end, one at a time', async () => {
    const { tick, end, runs, outcomes } = await makeSchedule({ overlap: 'queue' })
    await tick('01-02T02:00:05')
    await tick('01-03T02:00:05')
    await tick('01-04T02:00:05')
    expect(await outcomes()).toEqual(['01-02T02:00 audit', '01-03T02:00 waiting', '01-04T02:00 skipped'])
    await tick('01-04T02:01:05')
    expect((await outcomes())[1]).toBe('01-03T02:00 waiting')
    await end()
    await app.scheduler.tick(at('01-04T02:02:05'))
    expect((await outcomes())[1]).toBe('01-03T02:00 audit')
    expect(new Set((await runs()).map(({ auditId }) => auditId)).size).toBe(3)
  })
})

describe('after the service was down, of three ticks', () => {
  test('the last is made good by one audit, and the others are named', async () => {
    const { tick, outcomes, runs } = await makeSchedule({ missed: 'once' })
    await tick('01-04T09:00:00')
    expect(await outcomes()).toEqual(['01-02T02:00 missed', '01-03T02:00 missed', '01-04T02:00 caught-up'])
    expect((await runs())[0]?.reason).toBe('the service was down')
  })

  test('none is made good where the schedule says so, and all are named', async () => {
    const { tick, outcomes } = await makeSchedule({ missed: 'skip' })
    await tick('01-04T09:00:00')
    await tick('01-05T02:00:05')
    const named = ['01-02T02:00 missed', '01-03T02:00 missed', '01-04T02:00 missed', '01-05T02:00 audit']
    expect(await outcomes()).toEqual(named)
  })

  test('or of two thousand: each has its row, and one its audit', async () => {
    const { tick, runs, id } = await makeSchedule({ cron: '* * * * *', missed: 'once' })
    await tick('01-02T21:20:30') // the first was at 12:01 the day before
    const [counted] = await app.query<{ rows: number; audits: number }>(
      `SELECT count(*)::int AS rows, count(audit_id)::int AS audits FROM schedule_run WHERE schedule_id = ${id}`,
    )
    expect(counted?.rows).toBe(2_000)
    expect(counted?.audits).toBe(1)
    expect((await runs()).length).toBe(100)
  })
})

describe('the missed runs of a policy', () => {
  test('are the newest thousand, oldest first, of all that it counts', async () => {
    const { tick, name } = await makeSchedule({ cron: '* * * * *', missed: 'once' })
    await tick('01-02T21:20:30') // the first was at 12:01 the day before, and the last comes while the one before goes on
    const everyMinute = { from: at('01-01T12:00:30'), to: at('01-02T21:20:30'), overdueAt: at('01-01T00:00:00') }
    const missed = await app.stores.schedules.missedRuns(everyMinute)
    const its = missed.newest.filter(({ schedule }) => schedule === name)
    expect(missed.newest.length).toBe(1_000)
    expect(missed.total).toBeGreaterThanOrEqual(1_999)
    expect(its.at(-1)?.dueAt).toBe('2027-01-02T21:20:00.000Z')
    expect(its.map(({ dueAt }) => dueAt)).toEqual(its.map(({ dueAt }) => dueAt).toSorted())
  })

  const period = { from: at('01-02T01:59:59'), to: at('01-02T02:00:00'), overdueAt: at('01-01T00:00:00') }

  test('outlive their schedule', async () => {
    const { tick, id, name } = await makeSchedule({ missed: 'skip' })
    await tick('01-02T09:00:00')
    await app.stores.schedules.remove(id)
    const missed = await app.stores.schedules.missedRuns(period, 'ports')
    expect(missed.newest.filter(({ schedule }) => schedule === name)).toMatchObject([
      { policy: 'ports', dueAt: '2027-01-02T02:00:00.000Z', outcome: 'missed', reason: 'the service was down' },
    ])
  })

  test('name a tick that no process has taken yet', async () => {
    const { name } = await makeSchedule()
    const missed = await app.stores.schedules.missedRuns({ ...period, overdueAt: at('01-02T02:05:00') })
    expect(missed.newest.filter(({ schedule }) => schedule === name)).toMatchObject([{ outcome: 'missed' }])
  })
})

test('ticks while a schedule is paused are not missed', async () => {
  const schedule = await makeSchedule()
  const paused = { ...schedule.input, enabled: false }
  await app.stores.schedules.replace(schedule.id, paused, { requestedBy: 'x', nextAt: null })
  await app.scheduler.tick(at('01-05T02:00:05'))
  expect(await schedule.runs()).toEqual([])
})
