import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
let made = 0
beforeAll(async () => {
  service = await startService({ working: false })
  await service.stores.targets.save([{ name: 'host', address: '127.0.0.1', labels: { site: 'hq' } }])
})
afterAll(() => service.stop())

const audit = { policy: 'ports', targets: ['host'], params: { openPort: 1, closedPort: 2 } }
const nightly = { cron: '30 2 * * *', timeZone: 'Europe/Berlin', audit }

async function create(more: object = {}) {
  const name = `schedule-${++made}`
  const { status, body, headers } = await service.call('POST', '/v1/schedules', { body: { name, ...nightly, ...more } })
  if (status !== 201) throw new Error(JSON.stringify(body))
  return { name, path: `/v1/schedules/${name}`, body, etag: headers.etag ?? '' }
}

describe('a schedule', () => {
  test('is made with its defaults, and shows its next five ticks in its time zone', async () => {
    const { body, name, path } = await create()
    expect(body).toMatchObject({ name, ...nightly, jitterSeconds: 0, overlap: 'skip', missed: 'once', enabled: true })
    expect(body.next).toHaveLength(5)
    const hours = body.next.map((tick: string) =>
      new Date(tick).toLocaleTimeString('de', { timeZone: 'Europe/Berlin', timeStyle: 'short' }),
    )
    expect(new Set(hours)).toEqual(new Set(['02:30']))
    expect((await service.call('GET', path)).body).toEqual(body)
    expect((await service.walk('/v1/schedules?limit=1')).flat()).toContainEqual(body)
  })

  test('is paused and resumed', async () => {
    const { path } = await create()
    const paused = await service.call('PATCH', path, { body: { enabled: false } })
    expect(paused).toMatchObject({ status: 200, body: { enabled: false, next: [], ...nightly } })
    const resumed = await service.call('PATCH', path, { body: { enabled: true } })
    expect(resumed.body.next).toHaveLength(5)
  })

  test('is replaced whole by PUT, which makes it where there is none', async () => {
    const { path } = await create({ overlap: 'queue' })
    expect((await service.call('PUT', path, { body: nightly })).body).toMatchObject({ overlap: 'skip' })
    const body = { ...nightly, cron: '0 4 * * *' }
    expect(await service.call('PUT', '/v1/schedules/put-first', { body })).toMatchObject({ status: 201, body })
    expect(await service.call('PUT', '/v1/schedules/put-first', { body })).toMatchObject({ status: 200 })
  })

  test('that was changed meanwhile is not overwritten', async () => {
    const { path, etag } = await create()
    const headers = { 'if-match': etag }
    expect((await service.call('PATCH', path, { body: { jitterSeconds: 5 }, headers })).status).toBe(200)
    expect((await service.call('PATCH', path, { body: { jitterSeconds: 6 }, headers })).status).toBe(412)
  })

  test('is made once for an Idempotency-Key, and a name is taken once', async () => {
    const body = { name: 'once-only', ...nightly }
    const headers = { 'idempotency-key': 'once-only' }
    const first = await service.call('POST', '/v1/schedules', { body, headers })
    expect(await service.call('POST', '/v1/schedules', { body, headers })).toMatchObject({ body: first.body })
    expect(await service.call('POST', '/v1/schedules', { body })).toMatchObject({ status: 409 })
  })

  test('is gone when it is deleted', async () => {
    const { path } = await create()
    expect((await service.call('DELETE', path)).status).toBe(204)
    expect((await service.call('GET', path)).status).toBe(404)
    expect((await service.call('DELETE', path)).status).toBe(404)
  })
})

describe('a schedule is refused', () => {
  test.each([
    ['seconds', { cron: '0 30 2 * * *' }, '/cron', 'without seconds'],
    ['an hour that is none', { cron: '30 25 * * *' }, '/cron', 'five fields'],
    ['a day that never comes', { cron: '0 0 30 2 *' }, '/cron', 'five fields'],
    ['a time zone that is none', { timeZone: 'Europe/Nowhere' }, '/timeZone', 'IANA'],
    ['an offset', { timeZone: '+01:00' }, '/timeZone', 'IANA'],
    ['an unknown policy', { audit: { ...audit, policy: 'none' } }, '/audit/policy', 'no policy none'],
    ['an unknown target', { audit: { ...audit, targets: ['none'] } }, '/audit/targets/0', 'no target none'],
    [
      'a wrong parameter',
      { audit: { ...audit, params: { openPort: 'x', closedPort: 2 } } },
      '/audit/params/openPort',
      '',
    ],
    ['labels of no target', { audit: { ...audit, targets: { labels: { site: 'x' } } } }, '/audit/targets/labels', ''],
  ])('with %s', async (_, wrong, pointer, detail) => {
    const body = { name: 'refused', ...nightly, ...wrong }
    const response = await service.call('POST', '/v1/schedules', { body })
    expect(response.status).toBe(422)
    expect(response.body.errors).toEqual([{ in: 'body', pointer, detail: expect.stringContaining(detail) }])
    expect((await service.call('GET', '/v1/schedules/refused')).status).toBe(404)
  })

  test.each([
    ['no cron', { cron: undefined }, '/cron'],
    ['a jitter of a day', { jitterSeconds: 86_400 }, '/jitterSeconds'],
    ['an unknown overlap', { overlap: 'both' }, '/overlap'],
    ['an unknown field', { seconds: 1 }, '/seconds'],
    ['targets given whole', { audit: { ...audit, targets: [{ name: 'a', address: '127.0.0.1' }] } }, '/audit/targets'],
  ])('as malformed with %s', async (_, wrong, pointer) => {
    const response = await service.call('POST', '/v1/schedules', { body: { name: 'refused', ...nightly, ...wrong } })
    expect(response.status).toBe(400)
    expect(response.body.errors.some((error: { pointer: string }) => error.pointer.startsWith(pointer))).toBe(true)
  })
})

test('what became of its ticks is listed, and a tick that had no audit is in the compliance report', async () => {
  const { name, path } = await create({ missed: 'skip', cron: '0 * * * *' })
  await service.query(
    `UPDATE schedule SET next_at = date_trunc('hour', now()) - interval '2 days' WHERE name = '${name}'`,
  )
  await service.scheduler.tick(new Date(Date.now() - 3_600_000))
  const runs = (await service.walk(`${path}/runs?limit=20`)).flat()
  expect(runs.length).toBeGreaterThan(40)
  expect(runs.at(-1)).toMatchObject({ outcome: 'missed', reason: 'the service was down', audit: null })
  const dueAts = runs.map(({ dueAt }) => dueAt)
  expect(dueAts).toEqual(dueAts.toSorted().toReversed())
  const { body } = await service.call('GET', '/v1/reports/compliance?policy=ports')
  const missed = body.missedRuns.filter((run: { schedule: string }) => run.schedule === name)
  const named = missed.map(({ dueAt }: { dueAt: string }) => dueAt)
  expect(named).toEqual(expect.arrayContaining(runs.filter((run) => run.audit === null).map(({ dueAt }) => dueAt)))
  expect(missed[0]).toMatchObject({ policy: 'ports', outcome: 'missed', reason: 'the service was down' })
})
