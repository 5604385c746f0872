import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NewFinding } from '../../../../src/store/audits/record-findings.ts'
import { startService, type TestService } from '../../../support/service.ts'
import { finding, makeSeries, policyOf, startAudit } from '../../../support/stores.ts'

const hour = 3_600_000
const hoursAgo = (hours: number) => new Date(Date.now() - hours * hour)
const unknown = (reason: NewFinding['reason']) => ({ result: 'unknown', state: 'unknown', reason }) as const

let service: TestService
type Series = Awaited<ReturnType<typeof makeSeries>>[number]

async function audit(hours: number, seen: [Series | undefined, Partial<NewFinding>?][]): Promise<void> {
  const { stores } = service
  const observedAt = hoursAgo(hours)
  const findings = seen.flatMap(([series, more]) => (series ? [finding(series, 0, { observedAt, ...more })] : []))
  const targetIds = [...new Set(findings.map(({ targetId }) => targetId))]
  const started = await startAudit(stores, { targetIds, policy: policyOf('p', 'a', 'b') })
  await stores.record({ ...started, findings })
}

/** Ten hours ago: one resolves no name, two has no vantage and a silent peer, three passes; old passed 40 days ago. */
beforeAll(async () => {
  service = await startService({ working: false })
  const { stores } = service
  const names = ['one', 'two', 'three', 'old']
  const [oneA, oneB, twoA, twoB, threeA, , oldA] = await makeSeries(stores, names, ['a', 'b'])
  await stores.targets.save([
    ...names.map((name) => ({ name, address: '127.0.0.1', labels: { team: name === 'two' ? 'blue' : 'red' } })),
    { name: 'new', address: '127.0.0.1', labels: { team: 'blue' } },
  ])
  await service.query("UPDATE target SET created_at = now() - interval '50 days'")
  await audit(960, [[oldA]])
  await audit(10, [
    [oneA, unknown('dns-unavailable')],
    [oneB, unknown('name-not-found')],
    [twoA, { result: 'notchecked', state: 'unknown', reason: 'no-vantage-in-zone' }],
    [twoB, unknown('facts-missing')],
    [threeA],
  ])
  await service.query(`INSERT INTO schedule_run (schedule_id, due_at, schedule, policy, outcome, reason, decided_at)
    SELECT 7, now() - make_interval(days => day), 'nightly', 'p', 'missed', 'the service was down', now() FROM generate_series(1, 3) AS day`)
  await service.query("UPDATE vantage SET last_seen_at = now() - interval '1 hour' WHERE name = 'local'")
})
afterAll(() => service.stop())

const get = async (query: Record<string, string> = {}, more: Parameters<TestService['call']>[2] = {}) =>
  service.call('GET', `/v1/reports/unknown?${new URLSearchParams(query)}`, more)
/** `cause: count of targets` for causes that something has. */
const countsOf = ({ causes }: { causes: { cause: string; count: number; targets: number }[] }) =>
  causes.filter(({ count }) => count > 0).map(({ cause, count, targets }) => `${cause}: ${count} of ${targets}`)

describe('GET /v1/reports/unknown', () => {
  test('counts what is not known by cause, with the targets and rules behind it', async () => {
    const { status, body } = await get()
    expect(status).toBe(200)
    expect(countsOf(body)).toEqual([
      'no-vantage: 1 of 1',
      'dns: 2 of 1',
      'inconclusive: 1 of 1',
      'never-audited: 1 of 1',
      'stale: 1 of 1',
      'missed-run: 3 of 0',
    ])
    const rows = body.items.map((item: Record<string, unknown>) => [item.cause, item.rule, item.reason, item.examples])
    expect(rows).toEqual([
      ['vantage-absent', null, null, []],
      ['no-vantage', 'a', 'no-vantage-in-zone', ['two']],
      ['dns', 'a', 'dns-unavailable', ['one']],
      ['dns', 'b', 'name-not-found', ['one']],
      ['inconclusive', 'b', 'facts-missing', ['two']],
      ['never-audited', null, null, ['new']],
      ['stale', 'a', null, ['old']],
      ['missed-run', null, null, []],
    ])
    expect(body.items.at(-1)).toMatchObject({ schedule: 'nightly', count: 3, message: 'the service was down' })
    expect(body.items[0]).toMatchObject({ vantage: 'local', count: 0 })
  })

  test('has the names of all targets of a part, page by page and as CSV', async () => {
    const targets = async (query: Record<string, string>, more = {}) =>
      service.call('GET', `/v1/reports/unknown/targets?${new URLSearchParams(query)}`, more)
    const names = ({ body }: { body: { items: { target: string }[] } }) => body.items.map(({ target }) => target)
    expect(names(await targets({ cause: 'never-audited' }))).toEqual(['new'])
    expect(names(await targets({ cause: 'stale', rule: 'a' }))).toEqual(['old'])
    expect(names(await targets({ cause: 'dns', reason: 'name-not-found' }))).toEqual(['one'])
    expect(names(await targets({ cause: 'dns', rule: 'c' }))).toEqual([])
    await service.stores.targets.save([{ name: 'newer', address: '127.0.0.1', labels: { team: 'red' } }])
    const pages = await service.walk('/v1/reports/unknown/targets?cause=never-audited&limit=1')
    expect(pages.flat()).toEqual([{ target: 'new' }, { target: 'newer' }])
    const key = await service.stores.keys.create('red', ['reports:read'], { targetScope: { team: 'red' } })
    const csv = await targets({ cause: 'never-audited', format: 'csv' }, { key })
    expect(csv.body.trim().split(/\r?\n/)).toEqual(['target', 'newer'])
    await service.query("DELETE FROM target WHERE name = 'newer'")
  })

  test('its findings are those that compliance counts as unknown, error or not checked', async () => {
    const { body } = await get()
    const { items } = (await service.call('GET', '/v1/reports/compliance?by=policy')).body
    const ofCompliance = items[0].counts.unknown + items[0].counts.error + items[0].counts.notchecked
    const others = ['never-audited', 'stale', 'missed-run']
    const counted = body.causes.filter(({ cause }: { cause: string }) => !others.includes(cause))
    expect(counted.reduce((sum: number, { count }: { count: number }) => sum + count, 0)).toBe(ofCompliance)
  })

  test('is of a point in time', async () => {
    const at = hoursAgo(20 * 24).toISOString()
    const { body } = await get({ at })
    expect([body.at, countsOf(body)]).toEqual([at, ['never-audited: 4 of 4']])
  })

  test('a schedule says when an observation is too old', async () => {
    const audit = { policy: 'p', targets: ['one', 'three'] }
    const schedule = { name: 'nightly', cron: '0 */4 * * *', timeZone: 'UTC', audit }
    expect((await service.call('POST', '/v1/schedules', { body: schedule })).status).toBe(201)
    await service.query("UPDATE schedule SET created_at = now() - interval '1 day'")
    const { items } = (await get()).body
    const stale = items.filter(({ cause }: { cause: string }) => cause === 'stale')
    expect(stale.map((item: { examples: string[] }) => item.examples)).toEqual([['old', 'three']])
    await service.call('DELETE', '/v1/schedules/nightly')
  })

  test('is limited by policy, target and labels, and by the labels of a key', async () => {
    expect(countsOf((await get({ label: 'team:blue' })).body).slice(0, 3)).toEqual([
      'no-vantage: 1 of 1',
      'inconclusive: 1 of 1',
      'never-audited: 1 of 1',
    ])
    expect(countsOf((await get({ target: 'old' })).body)).toEqual(['stale: 1 of 1', 'missed-run: 3 of 0'])
    expect(countsOf((await get({ policy: 'q' })).body)).toEqual(['never-audited: 5 of 5'])
    const body = { name: 'blue', scopes: ['reports:read'], targets: { labels: { team: 'blue' } } }
    const { key } = (await service.call('POST', '/v1/keys', { body })).body
    const { body: own } = await get({}, { key })
    expect(countsOf(own)).toEqual(['no-vantage: 1 of 1', 'inconclusive: 1 of 1', 'never-audited: 1 of 1'])
    expect(JSON.stringify(own)).not.toMatch(/"(one|three|old|nightly)"/)
  })

  test('has its items as CSV and NDJSON, and a strong ETag', async () => {
    const lines = (await get({ format: 'csv' })).body.trim().split('\r\n')
    expect([lines.length, lines[2]]).toEqual([
      9,
      expect.stringMatching(/^no-vantage,1,1,p,a,local,client,,no-vantage-in-zone/),
    ])
    expect((await get({ format: 'ndjson' })).body.trim().split('\n')).toHaveLength(8)
    const at = { at: hoursAgo(1).toISOString() }
    const { headers } = await get(at)
    expect((await get(at, { headers: { 'if-none-match': String(headers.etag) } })).status).toBe(304)
  })
})
