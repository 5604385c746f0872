import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Evidence } from '../../../src/domain/findings/evidence.ts'
import { startService, type TestService } from '../../support/service.ts'
import { finding, makeSeries, startAudit } from '../../support/stores.ts'

let service: TestService
/** What is listed: 5,003 findings of an audit (more than one page of an export), and the drift since the one before. */
let urls: Record<'findings' | 'drift' | 'history', string>
const count = 5_003

const evidence: Evidence = {
  probe: 'ssh',
  host: 'a "quoted", host',
  port: 22,
  addresses: { '10.0.0.1': { state: 'open', reason: 'ssh-ok', facts: { software: '=1+1\r\nnext' } } },
}

beforeAll(async () => {
  service = await startService({ working: false })
  const { stores } = service
  const names = Array.from({ length: count }, (_, i) => `t-${i}`)
  const series = await makeSeries(stores, names)
  const rest = await makeSeries(stores, ['t-0'], ['a', 'b', 'c'])
  const all = [...series, ...rest]
  const record = async (ms: number, result: 'pass' | 'fail' | 'unknown') => {
    const started = await startAudit(stores, { targetIds: series.map(({ targetId }) => targetId) })
    const findings = all.map((one, i) => finding(one, ms, { result, evidence: i % 2 ? evidence : null }))
    await stores.record({ ...started, findings })
    await service.endAudit({ id: started.auditId })
    return started.auditId
  }
  const first = await record(1000, 'pass')
  const second = await record(2000, 'fail')
  await record(3000, 'unknown')
  urls = {
    findings: `/v1/audits/${second}/findings?limit=1000`,
    drift: `/v1/reports/drift?from=audit:${first}&to=audit:${second}&limit=1000`,
    history: '/v1/targets/t-0/history?limit=5',
  }
})
afterAll(() => service.stop())

/** An export as text, with its media type. */
async function fetchText(url: string, accept = '*/*') {
  const headers = { authorization: `Bearer ${service.key}`, accept }
  const { statusCode, headers: responseHeaders, body } = await service.server.inject({ url, headers })
  return { status: statusCode, type: responseHeaders['content-type'], body }
}
const parseLines = (ndjson: string) =>
  ndjson
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

const listings = ['findings', 'drift', 'history'] as const

describe.each(listings)('the listing of %s', (listing) => {
  const whole = async () => (await service.walk(urls[listing])).flat()

  test('comes whole as NDJSON: the items of its pages, in their order, one to a line', async () => {
    const { status, type, body } = await fetchText(urls[listing], 'application/x-ndjson')
    expect([status, type]).toEqual([200, 'application/x-ndjson; charset=utf-8'])
    expect(parseLines(body)).toEqual(await whole())
  })

  test('comes whole as one JSON document that says what a page says', async () => {
    const { status, headers, body } = await service.call('GET', `${urls[listing]}&all=true`)
    expect([status, headers['content-type']]).toEqual([200, 'application/json; charset=utf-8'])
    const { items, ...page } = (await service.call('GET', urls[listing])).body
    expect(items.length).toBeLessThan(body.items.length)
    expect(body).toEqual({ ...page, next: null, items: await whole() })
  })

  test('comes whole as CSV: a head, and a line for each item', async () => {
    const { status, type, body } = await fetchText(urls[listing], 'text/csv')
    expect([status, type]).toEqual([200, 'text/csv; charset=utf-8'])
    const items = await whole()
    const lines = body.split('\r\n')
    expect(lines.pop()).toBe('')
    expect(lines.shift()?.split(',')).toEqual(expect.arrayContaining(['rule', 'vantage']))
    expect(lines).toHaveLength(items.length)
    lines.forEach((line, i) => {
      expect(line).toContain(items[i].rule)
    })
  })

  test('rejects a cursor for a whole listing', async () => {
    for (const form of ['format=csv', 'format=ndjson', 'all=true']) {
      const { status, body } = await service.call('GET', `${urls[listing]}&${form}&cursor=WyJ4Il0`)
      expect([status, body.errors]).toEqual([400, [expect.objectContaining({ in: 'query', pointer: '/cursor' })]])
    }
  })

  test('comes in the format of the query, before Accept', async () => {
    const type = async (format: string, accept: string) =>
      (await fetchText(`${urls[listing]}&format=${format}`, accept)).type
    expect(await type('csv', 'application/json')).toBe('text/csv; charset=utf-8')
    expect(await type('json', 'text/csv')).toBe('application/json; charset=utf-8')
  })
})

test.each([
  ['text/csv', 'text/csv'],
  ['text/html, text/csv;q=0.9', 'text/csv'],
  ['TEXT/CSV', 'text/csv'],
  ['text/csv;q=0.1, application/x-ndjson', 'application/x-ndjson'],
  ['text/csv;q=0.1, application/json;q=0.2', 'application/json'],
  ['text/csv, application/x-ndjson', 'text/csv'],
  ['application/x-ndjson, text/csv', 'application/x-ndjson'],
  ['text/csv, */*', 'text/csv'],
  ['*/*, text/csv;q=0.9', 'application/json'],
  ['*/*;q=0.1, application/json;q=0', 'application/x-ndjson'],
  ['text/*', 'text/csv'],
  ['application/*', 'application/json'],
  ['text/html, image/gif, *; q=.2, */*; q=.2', 'application/json'], // as Java sends it
  ['', 'application/json'],
  ['*/*', 'application/json'],
])('Accept: %s gets %s', async (accept, type) => {
  expect((await fetchText(urls.history, accept)).type).toBe(`${type}; charset=utf-8`)
})

test.each(['text/html', 'text/csv;q=0', 'application/xml, image/*'])(
  'Accept: %s is rejected with the available media types, unless `format` is given',
  async (accept) => {
    const { status, type, body } = await fetchText(urls.history, accept)
    expect([status, type]).toEqual([406, expect.stringContaining('application/problem+json')])
    expect(JSON.parse(body)).toMatchObject({
      title: 'Not Acceptable',
      detail: 'Accept must allow one of application/json, application/x-ndjson, text/csv',
    })
    expect((await fetchText(`${urls.history}&format=csv`, accept)).status).toBe(200)
  },
)

test.each([
  ['findings', /^findings-[0-9a-f-]{36}\.csv$/],
  ['drift', /^drift\.csv$/],
  ['history', /^history-t-0\.csv$/],
] as const)('the export of %s names its file, and that Accept decides', async (listing, file) => {
  const { headers } = await service.call('GET', urls[listing], { headers: { accept: 'text/csv' } })
  const [, name] = /^attachment; filename="([^"]+)"$/.exec(headers['content-disposition'] ?? '') ?? []
  expect([name, headers.vary]).toEqual([expect.stringMatching(file), 'accept, accept-encoding'])
  expect((await service.call('GET', urls[listing])).headers['content-disposition']).toBeUndefined()
})

test('findings come in the order of targets and series, each once', async () => {
  const series = await service.query<{ fingerprint: string }>('SELECT fingerprint FROM series ORDER BY target_id, id')
  expect(series.length).toBeGreaterThan(count)
  const { body } = await fetchText(urls.findings, 'application/x-ndjson')
  expect(parseLines(body).map(({ fingerprint }) => ({ fingerprint }))).toEqual(series)
})

test('a filter holds for the whole of an export', async () => {
  const { body } = await fetchText(`${urls.findings}&rule=b&format=ndjson`)
  expect(JSON.parse(body)).toMatchObject({ target: 't-0', rule: 'b' })
  expect(await service.call('GET', `${urls.findings}&rule=none&format=csv`)).toMatchObject({
    body: expect.stringMatching(/^target,[^\r\n]*\r\n$/),
  })
  expect((await service.call('GET', `${urls.findings}&rule=none&all=true`)).body).toEqual({ items: [], next: null })
})

test('compliance comes as CSV and NDJSON too', async () => {
  const url = '/v1/reports/compliance?at=2026-01-01T00:00:02.5Z'
  const { items } = (await service.call('GET', url)).body
  expect(parseLines((await fetchText(`${url}&format=ndjson`)).body)).toEqual(items)
  const [head, ...lines] = (await fetchText(`${url}&format=csv`)).body.split('\r\n')
  expect(head).toMatch(/^policy,severity,group,pass,fail/)
  expect(lines).toHaveLength(items.length + 1)
})

test('structures are JSON in a cell, quoted as RFC 4180 does', async () => {
  const { body } = await fetchText(`${urls.findings}&rule=a&format=csv`)
  const [, cell = ''] = /,"(\{(?:[^"]|"")*)",/.exec(body) ?? []
  expect(JSON.parse(cell.replaceAll('""', '"'))).toEqual(evidence)
})

test.each([
  '/v1/targets?updatedSince=2026-01-01T00:00:00+02:00',
  '/v1/reports/compliance?at=2026-01-01T00:00:00+02:00',
  '/v1/reports/drift?from=2026-01-01T00:00:00+02:00&to=2026-02-01T00:00:00Z',
])('a + of a time zone that was not encoded is explained: %s', async (url) => {
  const { status, body } = await service.call('GET', url)
  expect(status).toBeGreaterThanOrEqual(400)
  expect(status).toBeLessThan(500)
  expect(body.errors[0].detail).toContain('%2B')
})
