import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ApiResponse, startService, type TestService } from '../../../support/service.ts'
import { emptyFields, fullTarget } from '../../../support/target.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())
beforeEach(() => service.query('TRUNCATE target; DELETE FROM idempotent_request'))

const { name: _, ...full } = fullTarget
const create = (name: string, more: object = {}) =>
  service.call('POST', '/v1/targets', { body: { name, address: '10.0.0.1', ...more } })
const get = (name: string) => service.call('GET', `/v1/targets/${name}`)
const names = ({ body }: ApiResponse) => body.items.map((target: { name: string }) => target.name)

describe('POST /v1/targets', () => {
  test('creates a target, says where it is, and shows nothing of its inside', async () => {
    const { status, headers, body } = await service.call('POST', '/v1/targets', { body: { name: 'epp-01', ...full } })
    expect([status, headers.location]).toEqual([201, '/v1/targets/epp-01'])
    expect(body).toEqual({
      name: 'epp-01',
      ...full,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
      retiredAt: null,
    })
    expect(headers.etag).toMatch(/^"[^"]+"$/)
    expect(await get('epp-01')).toMatchObject({ status: 200, body, headers: { etag: headers.etag } })
  })

  test('takes names with dots, colons and capitals, such as addresses', async () => {
    for (const name of ['10.0.0.1', 'fd00::1', 'EPP-01.corp.example']) {
      expect((await create(name)).headers.location).toBe(`/v1/targets/${encodeURIComponent(name)}`)
      expect(await get(encodeURIComponent(name))).toMatchObject({ status: 200, body: { name } })
    }
  })

  test('by many concurrent clients succeeds for one', async () => {
    const responses = await Promise.all(Array.from({ length: 6 }, () => create('contested')))
    expect(responses.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409])
  })

  test('with an idempotency key returns again what it made', async () => {
    const call = { body: { name: 'once', address: '10.0.0.1' }, headers: { 'idempotency-key': 'k1' } }
    const responses = await Promise.all(Array.from({ length: 6 }, () => service.call('POST', '/v1/targets', call)))
    expect(responses.map(({ status }) => status)).toEqual(Array(6).fill(201))
    expect(new Set(responses.map(({ body }) => JSON.stringify(body))).size).toBe(1)
  })

  test('with an idempotency key of another request is refused', async () => {
    const headers = { 'idempotency-key': 'k2' }
    await service.call('POST', '/v1/targets', { body: { name: 'a', address: '10.0.0.1' }, headers })
    const other = await service.call('POST', '/v1/targets', { body: { name: 'b', address: '10.0.0.1' }, headers })
    expect(other).toMatchObject({ status: 422, body: { detail: expect.stringContaining('Idempotency-Key') } })
    expect((await get('b')).status).toBe(404)
  })
})

describe('PUT /v1/targets/{name}', () => {
  const put = (name: string, body: object, headers: Record<string, string> = {}) =>
    service.call('PUT', `/v1/targets/${name}`, { body, headers })

  test('creates, and then replaces every field', async () => {
    expect(await put('epp-01', full)).toMatchObject({ status: 201, body: { name: 'epp-01', ...full } })
    expect(await put('epp-01', { address: '10.0.0.9' })).toMatchObject({
      status: 200,
      body: { name: 'epp-01', address: '10.0.0.9', ...emptyFields },
    })
  })

  test('by many concurrent clients creates it once, and refuses none', async () => {
    const responses = await Promise.all(
      Array.from({ length: 6 }, (_, i) => put('raced', { address: `10.0.0.${i + 1}` })),
    )
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 201])
  })

  test('keeps to the version that If-Match names', async () => {
    const { headers } = await put('epp-01', full)
    const etag = headers.etag ?? ''
    expect((await put('epp-01', full, { 'if-match': '"other"' })).status).toBe(412)
    const changed = await put('epp-01', { address: '10.0.0.6' }, { 'if-match': etag })
    expect(changed.status).toBe(200)
    expect(changed.headers.etag).not.toBe(etag)
    expect((await put('epp-01', full, { 'if-match': etag })).status).toBe(412)
    expect((await get('epp-01')).body.address).toBe('10.0.0.6')
    expect((await put('epp-01', full, { 'if-match': `"x", ${changed.headers.etag}` })).status).toBe(200)
    expect((await put('epp-01', full, { 'if-match': '*' })).status).toBe(200)
  })

  test('creates nothing where If-Match asks for something that is there (RFC 9110 section 13.1.1)', async () => {
    expect((await put('new', full, { 'if-match': '*' })).status).toBe(412)
    expect((await get('new')).status).toBe(404)
  })
})

describe('PATCH /v1/targets/{name}', () => {
  const patch = (name: string, body: object, headers: Record<string, string> = {}) =>
    service.call('PATCH', `/v1/targets/${name}`, { body, headers })

  test('changes the fields that it names, and no other', async () => {
    await create('epp-01', full)
    const { body } = await patch('epp-01', { labels: { tier: '1' }, externalId: null })
    expect(body).toMatchObject({ ...full, labels: { tier: '1' }, externalId: null })
  })

  test('of nothing, or of the name, is refused', async () => {
    await create('epp-01')
    expect((await patch('epp-01', {})).status).toBe(400)
    expect((await patch('epp-01', { name: 'other' })).status).toBe(400)
  })

  test('keeps to the version that If-Match names', async () => {
    const { headers } = await create('epp-01')
    expect((await patch('epp-01', { address: '10.0.0.2' }, { 'if-match': headers.etag ?? '' })).status).toBe(200)
    expect((await patch('epp-01', { address: '10.0.0.3' }, { 'if-match': headers.etag ?? '' })).status).toBe(412)
  })

  test('by many concurrent clients, each of its field, loses none', async () => {
    await create('shared')
    const changes = [
      { address: '10.0.0.7' },
      { roles: ['x'] },
      { labels: { a: 'b' } },
      { params: { p: 1 } },
      { externalId: 'E' },
    ]
    const responses = await Promise.all(changes.map((change) => patch('shared', change)))
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect((await get('shared')).body).toMatchObject(Object.assign({}, ...changes))
  })
})

describe('DELETE /v1/targets/{name}', () => {
  test('retires a target: it is found no more, and the same name can be created again', async () => {
    await create('epp-01', full)
    expect(await service.call('DELETE', '/v1/targets/epp-01')).toMatchObject({ status: 204, body: '' })
    expect((await get('epp-01')).status).toBe(404)
    expect((await service.call('DELETE', '/v1/targets/epp-01')).status).toBe(404)
    expect(names(await service.call('GET', '/v1/targets'))).toEqual([])
    expect((await service.call('GET', '/v1/targets/epp-01/history')).status).toBe(200)
    expect(await create('epp-01')).toMatchObject({ status: 201, body: emptyFields })
  })
})

describe('GET /v1/targets', () => {
  beforeEach(async () => {
    for (const [name, labels] of Object.entries({
      a: { site: 'hq', tier: '1' },
      b: { site: 'hq' },
      c: { url: 'x:y' },
    })) {
      await create(name, { labels })
    }
  })

  test.each([
    ['', ['a', 'b', 'c']],
    ['?label=site:hq', ['a', 'b']],
    ['?label=site:hq&label=tier:1', ['a']],
    ['?label=site:', []],
    ['?label=url:x:y', ['c']],
  ])('%s finds %o', async (filter, found) => {
    expect(names(await service.call('GET', `/v1/targets${filter}`))).toEqual(found)
  })

  test('walks in pages, by the cursor and by the Link header alike', async () => {
    const first = await service.call('GET', '/v1/targets?limit=1&label=site:hq')
    expect(names(first)).toEqual(['a'])
    const [, link = ''] = /^<([^>]+)>; rel="next"$/.exec(first.headers.link ?? '') ?? []
    const second = await service.call('GET', link)
    expect(names(second)).toEqual(['b'])
    expect([second.body.next, second.headers.link]).toEqual([null, undefined])
    const pages = await service.walk('/v1/targets?limit=2')
    expect(pages.map((page) => page.map(({ name }) => name))).toEqual([['a', 'b'], ['c']])
  })
})

describe('GET /v1/targets?q', () => {
  beforeEach(async () => {
    await create('EPP-web', { address: '10.1.2.3' })
    await create('mail', { address: 'mx.EXAMPLE.org', labels: { site: 'hq' } })
    await create('other', { address: '10.9.9.9', externalId: 'CI-77_a' })
  })

  test.each([
    ['epp', ['EPP-web']],
    ['example', ['mail']],
    ['10.', ['EPP-web', 'other']],
    ['ci-77_A', ['other']],
    ['77%', []],
    ['_', ['other']],
    ['web10', []],
  ])('%s finds %o by name, address or external id, and counts them', async (q, found) => {
    const response = await service.call('GET', `/v1/targets?total=true&limit=1&q=${encodeURIComponent(q)}`)
    expect([names(response), response.body.total]).toEqual([found.slice(0, 1), found.length])
    expect(names(await service.call('GET', `/v1/targets?q=${encodeURIComponent(q)}`))).toEqual(found)
  })

  test('keeps to the labels, and has no total by default', async () => {
    const { body } = await service.call('GET', '/v1/targets?q=1&label=site:hq&total=true')
    expect(body).toEqual({ items: [], next: null, total: 0 })
    expect((await service.call('GET', '/v1/targets?q=1')).body).not.toHaveProperty('total')
  })
})

describe('GET /v1/labels', () => {
  beforeEach(async () => {
    await create('a', { labels: { site: 'hq', tier: '1' } })
    await create('b', { labels: { site: 'hq' } })
    await create('c', { labels: { site: 'branch' } })
    await create('d', { labels: { site: 'gone' } })
    await service.call('DELETE', '/v1/targets/d')
  })

  test('has every label of live targets with their number, in pages and as CSV', async () => {
    const found = [
      { key: 'site', value: 'branch', targets: 1 },
      { key: 'site', value: 'hq', targets: 2 },
      { key: 'tier', value: '1', targets: 1 },
    ]
    expect((await service.walk('/v1/labels?limit=1')).flat()).toEqual(found)
    expect((await service.call('GET', '/v1/labels?key=tier')).body.items).toEqual(found.slice(2))
    const { body } = await service.call('GET', '/v1/labels?format=csv')
    expect(body).toBe(['key,value,targets', 'site,branch,1', 'site,hq,2', 'tier,1,1', ''].join('\r\n'))
  })

  test('counts for a limited key its own targets', async () => {
    const key = await service.stores.keys.create('team', ['reports:read'], { targetScope: { site: 'branch' } })
    const { body } = await service.call('GET', '/v1/labels', { key })
    expect(body.items).toEqual([{ key: 'site', value: 'branch', targets: 1 }])
  })
})
