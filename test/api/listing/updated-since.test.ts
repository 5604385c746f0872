import { once } from 'node:events'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startService, type TestService } from '../../support/service.ts'
import { finding, makeSeries, startAudit } from '../../support/stores.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())

const listings = ['/v1/targets', '/v1/audits', '/v1/reports/history'] as const
const read = async (listing: string, updatedSince: string, more = '') => {
  const { status, body } = await service.call('GET', `${listing}?updatedSince=${updatedSince}${more}`)
  expect(status).toBe(200)
  return body
}
const ever = '1970-01-01T00:00:00Z'

/** Audits a target of this name, created if missing; returns the audit. */
async function observe(name: string, ms: number, result: 'pass' | 'fail' = 'pass') {
  const series = await makeSeries(service.stores, [name])
  const started = await startAudit(service.stores, { targetIds: series.map(({ targetId }) => targetId) })
  await service.stores.record({ ...started, findings: series.map((one) => finding(one, ms, { result })) })
  await service.endAudit({ id: started.auditId })
  return started.auditId
}

describe.each(listings)('what changed in %s', (listing) => {
  test('comes again from its own time on: the bound is inclusive', async () => {
    await observe('bound', Date.now() - Date.UTC(2026, 0, 1))
    const table = listing === '/v1/targets' ? 'target' : listing === '/v1/audits' ? 'audit' : 'span'
    const [{ at }] = (await service.query<{ at: Date }>(`SELECT max(changed_at) AS at FROM ${table}`)) as [{ at: Date }]
    expect((await read(listing, at.toISOString())).items.length).toBeGreaterThan(0)
    expect((await read(listing, new Date(at.getTime() + 1).toISOString())).items).toEqual([])
  })

  test('is not missed with asOf, although it was written before and committed after', async () => {
    const other = new pg.Client({ connectionString: service.url })
    await other.connect()
    const ended = once(other, 'end')
    try {
      await observe('late', 1000)
      await other.query('BEGIN')
      // As a recording does, long before it is committed.
      await other.query(
        `INSERT INTO target (name, address, roles, labels, params) VALUES ('late-${listing}', '::1', '{}', '{}', '{}')`,
      )
      await other.query(`UPDATE audit SET status = CASE status WHEN 'failed' THEN 'completed' ELSE 'failed' END`)
      await other.query(`UPDATE span SET to_at = now(), changed_at = clock_timestamp() WHERE to_at IS NULL`)
      const { asOf, items } = await read(listing, ever, '&limit=1000')
      await other.query('COMMIT')
      const next = await read(listing, asOf, '&limit=1000')
      const after = await read(listing, ever, '&limit=1000')
      const texts = (some: object[]) => some.map((item) => JSON.stringify(item))
      const missed = texts(after.items).filter((item) => !texts(items).includes(item))
      expect(missed.length).toBeGreaterThan(0)
      expect(texts(next.items)).toEqual(expect.arrayContaining(missed))
    } finally {
      await other.end()
      await ended
    }
  })

  test('comes in pages of one reading, which all say the asOf of the first', async () => {
    for (const name of ['a', 'b', 'c']) await observe(name, 1000)
    const first = await read(listing, ever, '&limit=1')
    await observe('d', 1000)
    const second = await read(listing, ever, `&limit=1000&cursor=${first.next}`)
    expect([second.asOf, second.next]).toEqual([first.asOf, null])
    expect(first.items).toHaveLength(1)
    expect(second.items).not.toContainEqual(first.items[0])
    expect(second.items.length).toBeGreaterThan(2)
  })

  test('accepts a time and nothing else', async () => {
    expect((await service.call('GET', `${listing}?updatedSince=yesterday`)).status).toBe(400)
    expect((await service.call('GET', `${listing}?updatedSince=0000-01-01T00:00:00Z`)).status).toBe(400)
    expect((await service.call('GET', `${listing}?updatedSince=${ever}&cursor=WyJ4Il0`)).status).toBe(400)
  })
})

test('a listing without updatedSince says no asOf, so that its ETag holds', async () => {
  const { body } = await service.call('GET', '/v1/targets')
  expect(Object.keys(body)).toEqual(['items', 'next'])
})

test('a target that was retired comes with the time of that', async () => {
  await observe('leaving', 1000)
  const { asOf } = await read('/v1/targets', ever, '&limit=1000')
  await service.call('DELETE', '/v1/targets/leaving')
  const { items } = await read('/v1/targets', asOf, '&limit=1000')
  expect(items).toContainEqual(expect.objectContaining({ name: 'leaving', retiredAt: expect.any(String) }))
  const listed = (await service.call('GET', '/v1/targets?limit=1000')).body.items
  expect(listed.map(({ name }: { name: string }) => name)).not.toContain('leaving')
})

test('what an agent delivers late is new, whenever it was observed', async () => {
  await observe('agent', 5000)
  const { asOf } = await read('/v1/reports/history', ever, '&limit=1000')
  await observe('agent', 6000, 'fail')
  const { items } = await read('/v1/reports/history', asOf, '&target=agent')
  expect(items.map(({ result, to }: { result: string; to: string | null }) => [result, to === null])).toEqual(
    expect.arrayContaining([
      ['pass', false],
      ['fail', true],
    ]),
  )
  expect(items.at(-1)).toMatchObject({ target: 'agent', changes: [{ path: '/result', before: 'pass', after: 'fail' }] })
})

test('a target that comes to have a label brings its earlier items to readers of that label, and to keys that are limited to it', async () => {
  for (const name of ['joining', 'staying']) await observe(name, 1000)
  const { body } = await service.call('POST', '/v1/keys', {
    body: { name: 'blue', scopes: ['reports:read'], targets: { labels: { team: 'blue' } } },
  })
  const ways = [
    ['/v1/reports/history', '&label=team:blue', service.key],
    ['/v1/audits', '&label=team:blue', service.key],
    ['/v1/reports/history', '', body.key],
  ] as const
  const readAll = (since: (i: number) => string) =>
    Promise.all(
      ways.map(async ([listing, more, key], i) => {
        const url = `${listing}?limit=1000&updatedSince=${since(i)}${more}`
        return (await service.call('GET', url, { headers: { authorization: `Bearer ${key}` } })).body
      }),
    )
  const before = await readAll(() => ever)
  await service.query(`UPDATE span SET changed_at = changed_at - interval '1 day'`)
  await service.query(`UPDATE audit SET changed_at = changed_at - interval '1 day'`)
  await service.call('PATCH', '/v1/targets/joining', { body: { labels: { team: 'blue' } } })
  const [history, audits, limited] = await readAll((i) => before[i].asOf)
  expect(before.map(({ items }) => items.length)).toEqual([0, 0, 0])
  for (const { items } of [history, limited])
    expect(items.map(({ target }: { target: string }) => target)).toEqual(['joining'])
  expect(audits.items).toHaveLength(1)
})

test('progress alone is no change of an audit', async () => {
  const series = await makeSeries(service.stores, ['progress'])
  const started = await startAudit(service.stores, { targetIds: series.map(({ targetId }) => targetId) })
  const changedAt = () =>
    service.query<{ at: Date }>(`SELECT changed_at AS at FROM audit WHERE id = '${started.auditId}'`)
  const before = await changedAt()
  await service.stores.record({ ...started, findings: series.map((one) => finding(one, 1000)) })
  expect(await changedAt()).toEqual(before)
  await service.endAudit({ id: started.auditId })
  expect(await changedAt()).not.toEqual(before)
})

test('the history of all targets can be filtered, and streams with its asOf', async () => {
  const names = async (query: string) =>
    (await service.call('GET', `/v1/reports/history?limit=1000&${query}`)).body.items.map(
      ({ target }: { target: string }) => target,
    )
  expect(new Set(await names('target=agent'))).toEqual(new Set(['agent']))
  expect(await names('vantage=none')).toEqual([])
  expect(await names('label=no:such')).toEqual([])
  const { headers, body } = await service.call('GET', `/v1/reports/history?format=ndjson&updatedSince=${ever}`)
  expect(headers['portwarden-as-of']).toMatch(/Z$/)
  const { items } = (await service.call('GET', '/v1/reports/history?limit=1000')).body
  expect(
    body
      .trimEnd()
      .split('\n')
      .map((line: string) => JSON.parse(line)),
  ).toEqual(items)
})
