import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { names } from '../../../src/api/http/etags.ts'
import { startService, type TestService } from '../../support/service.ts'
import { at, finding, makeSeries, startAudit } from '../../support/stores.ts'

let service: TestService
let series: Awaited<ReturnType<typeof makeSeries>>
let audits: string[]

async function record(ms: number, result: 'pass' | 'fail') {
  const started = await startAudit(service.stores, { targetIds: series.map(({ targetId }) => targetId) })
  await service.stores.record({ ...started, findings: series.map((one) => finding(one, ms, { result })) })
  await service.endAudit({ id: started.auditId })
  return started.auditId
}

beforeAll(async () => {
  service = await startService({ working: false })
  series = await makeSeries(service.stores, ['one', 'two'])
  audits = [await record(1000, 'pass'), await record(2000, 'fail')]
})
afterAll(() => service.stop())

const then = encodeURIComponent(at(2500).toISOString())
const reads: [string, () => string][] = [
  ['targets', () => '/v1/targets'],
  ['a target', () => '/v1/targets/one'],
  ['audits', () => '/v1/audits?limit=1'],
  ['an audit', () => `/v1/audits/${audits[0]}`],
  ['findings', () => `/v1/audits/${audits[0]}/findings?limit=1`],
  ['findings as CSV', () => `/v1/audits/${audits[0]}/findings?format=csv`],
  ['findings as NDJSON', () => `/v1/audits/${audits[0]}/findings?format=ndjson`],
  ['findings as one document', () => `/v1/audits/${audits[0]}/findings?all=true`],
  ['compliance', () => `/v1/reports/compliance?at=${then}`],
  ['compliance as CSV', () => `/v1/reports/compliance?at=${then}&format=csv`],
  ['controls', () => `/v1/reports/controls?at=${then}`],
  ['controls as NDJSON', () => `/v1/reports/controls?at=${then}&format=ndjson`],
  ['drift', () => `/v1/reports/drift?from=audit:${audits[0]}&to=audit:${audits[1]}`],
  ['history', () => '/v1/targets/one/history'],
  ['history as CSV', () => '/v1/targets/one/history?format=csv'],
]

describe.each(reads)('the ETag of %s', (_, url) => {
  const get = (tag?: string) => service.call('GET', url(), tag ? { headers: { 'if-none-match': tag } } : {})

  test('saves the response for requests that name it, and for no others', async () => {
    const first = await get()
    const etag = first.headers.etag ?? ''
    expect([first.status, etag]).toEqual([200, expect.stringMatching(/^"[^"]+"$/)])
    expect(first.headers).toMatchObject({
      'cache-control': 'private, no-cache',
      vary: expect.stringMatching(/accept/i),
    })
    for (const tag of [etag, `"x", ${etag}`, `W/${etag}`, '*']) {
      const again = await get(tag)
      expect([again.status, again.body, again.headers.etag], tag).toEqual([304, '', etag])
      expect(again.headers['content-type']).toBeUndefined()
    }
    const head = (tag: string) =>
      service.server.inject({
        method: 'HEAD',
        url: url(),
        headers: { authorization: `Bearer ${service.key}`, 'if-none-match': tag },
      })
    for (const [tag, status] of [
      [etag, 304],
      ['"x"', 200],
    ] as const) {
      const { statusCode, headers, body } = await head(tag)
      expect([statusCode, headers.etag, body], `HEAD ${tag}`).toEqual([status, etag, ''])
    }
    const other = await get('"x"')
    expect([other.status, other.body]).toEqual([200, first.body])
  })

  test('is declared, with its 304', async () => {
    const { paths } = (await service.call('GET', '/openapi.json')).body
    const path = url()
      .split('?')[0]
      ?.replace(audits[0] ?? '', '{id}')
      .replace('/one', '/{name}')
    expect(Object.keys(paths[path ?? ''].get.responses)).toContain('304')
  })
})

test('each form of one read has its own ETag', async () => {
  const tags = await Promise.all(
    [
      'format=csv',
      'format=ndjson',
      'all=true',
      'limit=1',
      'limit=2',
      'format=csv&result=pass',
      'format=csv&result=fail',
    ].map(async (query) => (await service.call('GET', `/v1/audits/${audits[0]}/findings?${query}`)).headers.etag),
  )
  expect(new Set(tags).size).toBe(tags.length)
})

test('the ETag of a history changes when a span ends, and when another begins', async () => {
  const url = '/v1/targets/two/history?format=csv'
  const tag = async () => (await service.call('GET', url)).headers.etag
  const before = await tag()
  await record(3000, 'pass')
  const opened = await tag()
  const [{ targetId } = { targetId: 0 }] = series.filter(({ target }) => target === 'two')
  await service.stores.targets.retire(targetId)
  expect(new Set([before, opened, await tag()]).size).toBe(3)
})

test('a stream that would have to be read for it has none: findings of an audit that goes on, drift', async () => {
  const { auditId } = await startAudit(service.stores)
  for (const url of [
    `/v1/audits/${auditId}/findings?format=csv`,
    `/v1/reports/drift?from=audit:${audits[0]}&to=audit:${audits[1]}&format=csv`,
  ]) {
    const { status, headers } = await service.call('GET', url, { headers: { 'if-none-match': '*' } })
    expect([status, headers.etag], url).toEqual([200, undefined])
  }
})

test('findings that retention has dropped are not what they were', async () => {
  const id = await record(4000, 'pass')
  const url = `/v1/audits/${id}/findings?format=csv`
  const { etag = '' } = (await service.call('GET', url)).headers
  await service.query(`DELETE FROM finding WHERE audit_id = '${id}'`)
  const { status, headers } = await service.call('GET', url, { headers: { 'if-none-match': etag } })
  expect([status, headers.etag]).toEqual([409, undefined])
})

test('a limited key has no ETag of a stream, which labels decide too, and its own of a page', async () => {
  const key = await service.stores.keys.create('blue', ['reports:read'], { targetScope: { team: 'blue' } })
  const mine = await service.call('GET', '/v1/targets', { key })
  const all = await service.call('GET', '/v1/targets')
  expect(mine.body.items).toEqual([])
  expect(mine.headers.etag).not.toBe(all.headers.etag)
  await service.call('PATCH', '/v1/targets/one', { body: { labels: { team: 'blue' } } })
  const { status, headers } = await service.call('GET', '/v1/targets/one/history?format=csv', {
    key,
    headers: { 'if-none-match': '*' },
  })
  expect([status, headers.etag]).toEqual([200, undefined])
})

test('what failed has no ETag', async () => {
  const { status, headers } = await service.call('GET', '/v1/targets/none', { headers: { 'if-none-match': '*' } })
  expect([status, headers.etag]).toEqual([404, undefined])
})

test.each([
  'W/"x"',
  '"x-gzip"',
  'W/"x-gzip"',
  '"x-br"',
  '"x-deflate"',
  '"x-zstd"',
  '"x;gzip"',
  '"x--gzip"',
  '*',
  '"y" , W/"x"',
])('a proxy may write the tag "x" as %s', (list) => {
  expect(names(list, '"x"')).toBe(true)
})

test.each(['x', '"y"', 'W/"y-gzip"', '"x-gz"', '"xgzip"', '"X"', '"x-1"', '', '""', 'W/'])('and not as %s', (list) => {
  expect(names(list, '"x"')).toBe(false)
})
