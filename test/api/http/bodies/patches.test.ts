import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import openapi from '../../../../openapi/openapi.json' with { type: 'json' }
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
let paths: Record<string, string>
beforeAll(async () => {
  service = await startService({ working: false })
  const target = { name: 'epp-01', address: '10.0.0.1', roles: ['epp'], labels: { site: 'hq', tier: '1' } }
  await service.call('POST', '/v1/targets', { body: { ...target, params: { sshPort: 22 }, externalId: 'CI-1' } })
  const audit = {
    policy: 'netwrix-endpoint-protector',
    targets: { labels: { site: 'hq', tier: '1' } },
    reason: 'nightly',
  }
  const schedule = { name: 'nightly', cron: '30 2 * * *', timeZone: 'Europe/Berlin', jitterSeconds: 60, audit }
  await service.call('POST', '/v1/schedules', { body: schedule })
  const webhook = { url: 'https://itsm.example/', description: 'tickets', events: ['finding.opened'] }
  const { headers } = await service.call('POST', '/v1/webhooks', {
    body: { ...webhook, filter: { minSeverity: 'high', labels: { site: 'hq' } }, authorization: 'Basic eDp5' },
  })
  paths = {
    '/v1/targets/{name}': '/v1/targets/epp-01',
    '/v1/schedules/{name}': '/v1/schedules/nightly',
    '/v1/webhooks/{id}': headers.location ?? '',
  }
})
afterAll(() => service.stop())

const type = 'application/merge-patch+json'
const patch = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  service.call('PATCH', path, { body: JSON.stringify(body), headers: { 'content-type': type, ...headers } })

const patched = Object.entries(openapi.paths).flatMap(([path, methods]) => ('patch' in methods ? [path] : []))

test('every resource that has PATCH is tested here', () => {
  expect(Object.keys(paths).sort()).toEqual(patched.toSorted())
})

describe.each(patched)('PATCH %s', (template) => {
  const path = () => paths[template] ?? ''

  test('describes both media types in OpenAPI', () => {
    const { patch: operation } = openapi.paths[template as keyof typeof openapi.paths] as unknown as {
      patch: { requestBody: { content: object } }
    }
    expect(Object.keys(operation.requestBody.content)).toEqual(['application/json', type])
  })

  test('names them in Accept-Patch, also where it refuses another one or another method', async () => {
    const responses = await Promise.all([
      service.call('GET', path()),
      patch(path(), {}),
      service.call('PATCH', path(), { body: '[]', headers: { 'content-type': 'application/json-patch+json' } }),
      service.call('POST', path(), { body: {} }),
    ])
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 415, 405])
    for (const { headers } of responses) expect(headers['accept-patch']).toBe(`application/json, ${type}`)
    expect(responses[2]?.body.detail).toBe(`send it as application/json, ${type}`)
  })

  test('of nothing changes nothing', async () => {
    const strip = ({ body: { updatedAt: _, ...rest } }: { body: { updatedAt: string } }) => rest
    const before = await service.call('GET', path())
    expect(strip(await patch(path(), {}))).toEqual(strip(before))
  })

  test('of what is no object, or of an unknown field, is refused', async () => {
    for (const body of [[], 'x', null, 1, { unknown: 1 }, { unknown: null }])
      expect((await patch(path(), body)).status).toBe(400)
  })

  test('keeps to If-Match', async () => {
    expect((await patch(path(), {}, { 'if-match': '"0-0"' })).status).toBe(412)
    const { headers } = await service.call('GET', path())
    expect((await patch(path(), {}, { 'if-match': headers.etag ?? '' })).status).toBe(200)
  })
})

describe('a merge patch', () => {
  test('of a target changes and removes single labels and parameters, and removes its external id', async () => {
    const change = { labels: { tier: null, rack: 'r1' }, params: { clientPort: 443 }, roles: null, externalId: null }
    const { status, body } = await patch('/v1/targets/epp-01', change, { 'content-type': `${type}; charset=utf-8` })
    expect([status, body]).toMatchObject([200, { address: '10.0.0.1', roles: [], externalId: null }])
    expect([body.labels, body.params]).toEqual([
      { site: 'hq', rack: 'r1' },
      { sshPort: 22, clientPort: 443 },
    ])
  })

  test('refuses to remove what is required, and what is not valid afterwards', async () => {
    const wrong: [string, object, number, string][] = [
      ['/v1/targets/epp-01', { address: null }, 400, '/address'],
      ['/v1/targets/epp-01', { address: '127.1' }, 422, '/address'],
      ['/v1/targets/epp-01', { labels: { site: 1 } }, 400, '/labels/site'],
      ['/v1/schedules/nightly', { audit: null }, 400, '/audit'],
      [
        '/v1/schedules/nightly',
        { audit: { targets: { labels: { site: null, tier: null } } } },
        422,
        '/audit/targets/labels',
      ],
      ['/v1/schedules/nightly', { timeZone: 'Mars' }, 422, '/timeZone'],
      [paths['/v1/webhooks/{id}'] ?? '', { url: 'https://x:y@itsm.example/' }, 422, '/url'],
      [paths['/v1/webhooks/{id}'] ?? '', { groupBy: 'target' }, 400, '/groupBy'],
    ]
    for (const [path, body, status, pointer] of wrong) {
      const before = await service.call('GET', path)
      const refused = await patch(path, body)
      expect([refused.status, refused.body.errors?.[0]?.pointer, path]).toEqual([status, pointer, path])
      expect((await service.call('GET', path)).body).toEqual(before.body)
    }
  })

  test('of a schedule changes inside its audit, and null restores a default', async () => {
    const change = { timeZone: null, jitterSeconds: null, audit: { reason: null, targets: { labels: { tier: null } } } }
    const { status, body } = await patch('/v1/schedules/nightly', change)
    expect([status, body]).toMatchObject([200, { timeZone: 'UTC', jitterSeconds: 0, cron: '30 2 * * *' }])
    expect(body.audit).toEqual({ policy: 'netwrix-endpoint-protector', targets: { labels: { site: 'hq' } } })
  })

  test('of a webhook keeps its secret header, and null removes it', async () => {
    const path = paths['/v1/webhooks/{id}'] ?? ''
    const { body } = await patch(path, { filter: { minSeverity: null }, description: null })
    expect(body).toMatchObject({ description: null, hasAuthorization: true })
    expect(body.filter).toEqual({ labels: { site: 'hq' } })
    expect((await patch(path, { authorization: null })).body.hasAuthorization).toBe(false)
  })

  test('is refused by operations that are no PATCH', async () => {
    const body = JSON.stringify({ name: 'x', address: '10.0.0.1' })
    const { status } = await service.call('POST', '/v1/targets', { body, headers: { 'content-type': type } })
    expect(status).toBe(415)
  })
})
