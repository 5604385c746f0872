import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
const hour = 3_600_000
const hoursAgo = (hours: number) => new Date(Math.floor(Date.now() / hour - hours) * hour)

/** The schedules `early` and `late` with a missed and a skipped tick each, and the deleted `gone` with one; `late` is overdue. */
beforeAll(async () => {
  service = await startService({ working: false })
  const { schedules, targets } = service.stores
  await targets.save([{ name: 'host', address: '127.0.0.1' }])
  const audit = { policy: 'ports', targets: ['host'], params: { openPort: 1, closedPort: 2 } }
  for (const [i, name] of ['early', 'late', 'gone'].entries()) {
    const body = { name, cron: '0 * * * *', audit }
    expect((await service.call('POST', '/v1/schedules', { body })).status).toBe(201)
    const schedule = await schedules.find(name)
    if (!schedule) throw new Error('no schedule')
    const run = { reason: null, auditId: null, decidedAt: hoursAgo(0) }
    await schedules.addRuns(schedule, [{ ...run, dueAt: hoursAgo(10 - i), outcome: 'missed' }])
    if (name !== 'gone') await schedules.addRuns(schedule, [{ ...run, dueAt: hoursAgo(5), outcome: 'skipped' }])
    else await schedules.remove(schedule.id)
    if (name === 'late') await schedules.setNext(schedule.id, hoursAgo(2))
  }
})
afterAll(() => service.stop())

const runs = async (query: Record<string, string> = {}) =>
  (await service.walk(`/v1/runs?${new URLSearchParams({ limit: '2', ...query })}`))
    .flat()
    .map(
      ({ schedule, outcome, dueAt }) => `${schedule} ${outcome} ${(hoursAgo(0).getTime() - Date.parse(dueAt)) / hour}`,
    )

describe('GET /v1/runs', () => {
  test('has the ticks of all schedules, newest first: of deleted ones, and one that no worker has taken yet', async () => {
    const found = await runs()
    expect(found.toSorted()).toEqual(
      [
        'late missed 2',
        'late skipped 5',
        'early skipped 5',
        'gone missed 8',
        'late missed 9',
        'early missed 10',
      ].toSorted(),
    )
    const hours = found.map((line) => Number(line.split(' ')[2]))
    expect(hours).toEqual(hours.toSorted((a, b) => a - b))
    const [overdue] = (await service.call('GET', '/v1/runs?limit=1')).body.items
    expect(overdue).toMatchObject({
      policy: 'ports',
      decidedAt: null,
      reason: 'no worker has taken it yet',
      audit: null,
    })
  })

  test('keeps to a schedule, an outcome and a period', async () => {
    expect(await runs({ schedule: 'early' })).toEqual(['early skipped 5', 'early missed 10'])
    expect(await runs({ outcome: 'skipped' })).toHaveLength(2)
    const period = { from: hoursAgo(9).toISOString(), to: hoursAgo(5).toISOString() }
    expect(await runs(period)).toEqual(['gone missed 8', 'late missed 9'])
    expect(await runs({ schedule: 'none' })).toEqual([])
  })

  test('comes as CSV', async () => {
    const { body } = await service.call('GET', '/v1/runs?format=csv&schedule=gone')
    expect(body.split('\r\n')[1]).toContain(',gone,ports,missed,')
  })
})

describe('POST /v1/schedules/preview', () => {
  const preview = (body: object) => service.call('POST', '/v1/schedules/preview', { body })

  test('has the next ticks, with the local time', async () => {
    const { status, body } = await preview({ cron: '30 2 * * *', timeZone: 'Europe/Berlin', count: 100 })
    expect([status, body.ticks.length]).toEqual([200, 100])
    for (const { at, local } of body.ticks) {
      expect(new Date(local)).toEqual(new Date(at))
      expect(local).toMatch(/T0[23]:30:00\+0[12]:00$/)
    }
    expect((await preview({ cron: '@daily' })).body.ticks).toHaveLength(10)
  })

  test.each([
    [{ cron: '61 * * * *' }, 422, '/cron'],
    [{ cron: '* * * * * *' }, 422, '/cron'],
    [{ cron: '0 2 * * *', timeZone: 'Europe/Nowhere' }, 422, '/timeZone'],
    [{ cron: '0 2 * * *', count: 101 }, 400, '/count'],
  ])('refuses %o with %i', async (body, status, pointer) => {
    const response = await preview(body)
    expect([response.status, response.body.errors[0].pointer]).toEqual([status, pointer])
  })
})
