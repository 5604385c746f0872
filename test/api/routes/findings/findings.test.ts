import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently } from '../../../support/app.ts'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
let open: Awaited<ReturnType<typeof listenSilently>>
let first: string
beforeAll(async () => {
  service = await startService()
  open = await listenSilently()
  const { port } = open
  const targets = [{ name: 'epp-1', address: '127.0.0.1', params: { openPort: port, closedPort: port } }]
  const audit = { policy: 'ports', targets, correlationId: 'CHG0030001' }
  const { body } = await service.call('POST', '/v1/audits', { body: audit, headers: { prefer: 'wait=15' } })
  first = body.id
})
afterAll(async () => {
  await service?.stop()
  await open?.close()
})

const failing = async () => (await service.call('GET', '/v1/findings?result=fail&facets=true')).body

test('what fails now comes with what was expected, and with the facets of the other results', async () => {
  const { items, total, facets } = await failing()
  expect(items).toMatchObject([
    {
      target: 'epp-1',
      rule: 'must-be-unreachable',
      state: 'open',
      expected: { host: '127.0.0.1', port: open.port, expect: { state: ['closed', 'filtered'] } },
      waiver: null,
    },
  ])
  expect(total).toBe(1)
  expect(facets.result.map(({ value }: { value: string }) => value).toSorted()).toEqual([
    'fail',
    'notapplicable',
    'notchecked',
    'pass',
  ])
})

test('CSV and NDJSON have the same findings as the pages', async () => {
  const listed = (await service.walk('/v1/findings?limit=1')).flat().map(({ fingerprint }) => fingerprint)
  const lines = (await service.call('GET', '/v1/findings?format=ndjson')).body.trim().split('\n')
  const csv = (await service.call('GET', '/v1/findings', { headers: { accept: 'text/csv' } })).body.trim().split('\n')
  expect(lines.map((line: string) => JSON.parse(line).fingerprint).toSorted()).toEqual(listed.toSorted())
  expect(csv).toHaveLength(listed.length + 1)
})

test('a finding explains itself by its fingerprint, now and at a point in time before it', async () => {
  const { fingerprint } = (await failing()).items[0]
  const waiver = { policy: 'ports', rules: ['must-be-unreachable'], targets: ['epp-1'], reason: 'until the move' }
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString()
  await service.call('POST', '/v1/waivers', { body: { ...waiver, expiresAt } })
  const { body } = await service.call('GET', `/v1/findings/${fingerprint}`)
  expect(body).toMatchObject({
    fingerprint,
    target: { name: 'epp-1', address: '127.0.0.1' },
    policy: { name: 'ports', version: 1 },
    rule: { id: 'must-be-unreachable', severity: 'high', probe: 'tcp', controls: [] },
    vantage: 'local',
    current: { result: 'fail', expected: { port: open.port } },
    spans: [{ result: 'fail', to: null }],
    windows: [],
    waivers: [{ state: 'requested', reason: 'until the move' }],
    audits: [{ id: first, correlationId: 'CHG0030001', result: 'fail' }],
  })
  const before = (await service.call('GET', `/v1/findings/${fingerprint}?at=2026-01-01T00:00:00Z`)).body
  expect([before.current, before.spans, before.audits]).toEqual([null, [], []])
})

test('an unknown fingerprint is not found', async () => {
  const { status } = await service.call('GET', '/v1/findings/00000000-0000-4000-8000-000000000000')
  expect(status).toBe(404)
})

test('a finding is understood by itself, in the listing of its audit and across audits, in each format', async () => {
  await service.call('PATCH', '/v1/targets/epp-1', { body: { labels: { site: 'hq' }, externalId: 'CI1' } })
  const { fingerprint } = (await failing()).items[0]
  const about = {
    ...{ fingerprint, audit: first, target: 'epp-1', address: '127.0.0.1', labels: { site: 'hq' }, externalId: 'CI1' },
    ...{
      policy: 'ports',
      policyVersion: 1,
      rule: 'must-be-unreachable',
      title: 'must-be-unreachable',
      severity: 'high',
    },
    ...{ host: '127.0.0.1', port: open.port, controls: [], remediation: null, url: null },
  }
  const described = (body: string) =>
    body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter((one) => one.fingerprint === fingerprint)
  for (const path of ['/v1/findings', `/v1/audits/${first}/findings`]) {
    const { body } = await service.call('GET', `${path}?result=fail`)
    expect(body.items).toMatchObject([about])
    expect(described((await service.call('GET', `${path}?format=ndjson`)).body)).toMatchObject([about])
    const [head = '', row = ''] = (await service.call('GET', `${path}?result=fail&csv=excel`)).body.split('\r\n')
    expect(head.startsWith('\uFEFF')).toBe(true)
    const names = head.slice(1).split(';')
    expect(names).toEqual(expect.arrayContaining([...Object.keys(about), 'zones']))
    expect(row).toContain(`;${open.port};`)
    expect(row).toContain(';CI1;')
  }
})

test('a check without a probe has the endpoint of its rule for the target', async () => {
  const { body } = await service.call('GET', `/v1/audits/${first}/findings?result=notchecked`)
  expect(body.items).toMatchObject([
    { evidence: null, host: '127.0.0.1', port: open.port, zones: [expect.any(String)] },
  ])
})

test('the ETag of an export changes with a target of the audit, and with the dialect of CSV', async () => {
  const etagOf = async (query: string) =>
    (await service.call('GET', `/v1/audits/${first}/findings?${query}`)).headers.etag
  const [csv, excel] = [await etagOf('format=csv'), await etagOf('csv=excel')]
  expect(new Set([csv, excel, await etagOf('format=csv')]).size).toBe(2)
  await service.call('PATCH', '/v1/targets/epp-1', { body: { externalId: 'CI2' } })
  expect(await etagOf('format=csv')).not.toBe(csv)
})

test('csv=excel is refused for another format', async () => {
  expect(await service.call('GET', '/v1/findings?csv=excel&format=ndjson')).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/csv' }] },
  })
})
