import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startService, type TestService } from '../../support/service.ts'

interface MadeKey {
  id: string
  name: string
  scopes: string[]
  key: string | null
  revokedAt: string | null
}

let api: TestService
beforeAll(async () => {
  api = await startService({ working: false })
})
afterAll(() => api?.stop())

const make = async (body: unknown, headers: Record<string, string> = {}) =>
  (await api.call('POST', '/v1/keys', { body, headers })).body

describe('a key', () => {
  test('is shown once, and opens what its scopes say', async () => {
    const made = await api.call('POST', '/v1/keys', { body: { name: 'second admin', scopes: ['admin'] } })
    expect(made.status).toBe(201)
    expect(made.headers['cache-control']).toBe('no-store')
    expect((await api.call('GET', '/v1/audits', { key: made.body.key ?? '' })).status).toBe(200)
    const { body } = await api.call('GET', '/v1/keys')
    expect(body.items).toContainEqual({ ...made.body, key: undefined, lastUsedAt: expect.any(String) })
    expect(JSON.stringify(body)).not.toContain(made.body.key)
  })

  test('that is revoked opens nothing, and stays in the list', async () => {
    const { id, key } = await make({ name: 'leaver', scopes: ['admin'] })
    expect((await api.call('DELETE', `/v1/keys/${id}`)).status).toBe(204)
    expect((await api.call('DELETE', `/v1/keys/${id}`)).status).toBe(204)
    expect((await api.call('GET', '/v1/audits', { key: key ?? '' })).status).toBe(401)
    const { body } = await api.call('GET', '/v1/keys')
    expect(body.items.find((item: MadeKey) => item.id === id)?.revokedAt).toEqual(expect.any(String))
  })

  test('that is revoked pauses its schedules, until another key changes them; the ledger says so', async () => {
    const { id, key } = await make({ name: 'planner', scopes: ['audits:run'] })
    await api.stores.targets.save([{ name: 'host', address: '127.0.0.1' }])
    const audit = { policy: 'ports', targets: ['host'], params: { openPort: 1, closedPort: 2 } }
    for (const name of ['kept', 'left', 'off']) {
      const body = { name, cron: '0 2 * * *', audit, enabled: name !== 'off' }
      expect((await api.call('POST', '/v1/schedules', { key, body })).status).toBe(201)
    }
    await api.call('PATCH', '/v1/schedules/kept', { body: { jitterSeconds: 5 } }) // by the admin, who takes it over
    await api.call('DELETE', `/v1/keys/${id}`)
    const states = async () =>
      (await api.call('GET', '/v1/schedules')).body.items.map(
        ({ name, enabled, next }: { name: string; enabled: boolean; next: [] }) => `${name} ${enabled} ${next.length}`,
      )
    expect(await states()).toEqual(['kept true 5', 'left false 0', 'off false 0'])
    const { body } = await api.call('GET', '/v1/ledger?limit=100')
    const entries = body.items.slice(0, 2).toReversed()
    expect(entries).toMatchObject([
      { action: 'key.revoke', subject: id, payload: { schedules: ['left'] } },
      { action: 'schedule.change', subject: 'left', payload: { enabled: false } },
    ])
    await api.call('PATCH', '/v1/schedules/left', { body: { enabled: true } })
    expect(await states()).toEqual(['kept true 5', 'left true 5', 'off false 0'])
  })

  test('cannot revoke itself, which prevents an accidental lockout of all keys', async () => {
    const id = api.key.split('_')[1]
    expect((await api.call('DELETE', `/v1/keys/${id}`)).status).toBe(409)
    expect((await api.call('DELETE', '/v1/keys/000000000000')).status).toBe(404)
  })

  test('is made once for an Idempotency-Key; the secret is not said again', async () => {
    const body = { name: 'once', scopes: ['vantage:once'] }
    const first = await make(body, { 'idempotency-key': 'k1' })
    const second = await make(body, { 'idempotency-key': 'k1' })
    expect(second).toEqual({ ...first, key: null })
    const other = await api.call('POST', '/v1/keys', {
      body: { ...body, name: 'twice' },
      headers: { 'idempotency-key': 'k1' },
    })
    expect(other.status).toBe(422)
  })

  test.each([
    ['no scope', { name: 'x', scopes: [] }, '/scopes'],
    ['a scope that there is not', { name: 'x', scopes: ['root'] }, '/scopes/0'],
    ['the vantage of a missing zone', { name: 'x', scopes: ['vantage:zone:x'] }, '/scopes/0'],
    ['a time that is none', { name: 'x', scopes: ['admin'], expiresAt: 'tomorrow' }, '/expiresAt'],
    ['no name', { scopes: ['admin'] }, '/name'],
    ['a field that is not known', { name: 'x', scopes: ['admin'], secret: 'y' }, '/secret'],
  ])('with %s is refused, and the field is named', async (_, body, pointer) => {
    const { status, body: problem } = await api.call('POST', '/v1/keys', { body })
    expect(status).toBe(400)
    expect(problem.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer)
  })

  test('says when it expires, and when it was used last', async () => {
    const expiresAt = new Date(Date.now() + 60_000).toISOString()
    const { id, key } = await make({ name: 'for a minute', scopes: ['reports:read'], expiresAt })
    expect((await api.call('GET', '/v1/targets', { key: key ?? '' })).status).toBe(200)
    const listed = (await api.call('GET', '/v1/keys')).body.items.find((item: MadeKey) => item.id === id)
    expect(listed).toMatchObject({ expiresAt, lastUsedAt: expect.any(String) })
    const past = { name: 'past', scopes: ['admin'], expiresAt: '2026-01-01T00:00:00Z' }
    const refused = await api.call('POST', '/v1/keys', { body: past })
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, '/expiresAt'])
  })
})

describe('the key of a vantage', () => {
  test('gets 403 at every operation but the leases, traces and discoveries of its own vantage, and sees who it is', async () => {
    const { key } = await make({ name: 'agent', scopes: ['vantage:branch'] })
    await api.call('PUT', '/v1/vantages/branch', { body: { zones: ['client'] } })
    await api.call('PUT', '/v1/vantages/other', { body: { zones: ['client'] } })
    const { paths } = (await api.call('GET', '/openapi.json')).body as { paths: Record<string, object> }
    const operations = Object.entries(paths)
      .filter(([path]) => path.startsWith('/v1/') && path !== '/v1/me')
      .flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => ({ method: method.toUpperCase() as 'GET', path })),
      )
    expect(operations.length).toBeGreaterThan(30)
    for (const { method, path } of operations) {
      const own = /\{name\}\/(leases|traces|discoveries)/.test(path) ? 'other' : 'branch'
      const concrete = path.replace('{name}', own).replace(/\{\w+\}/g, '00000000-0000-7000-8000-000000000000')
      const { status, body } = await api.call(method, concrete, { key: key ?? '' })
      expect(`${method} ${path} ${status} ${body.status}`).toBe(`${method} ${path} 403 403`)
    }
    expect((await api.call('GET', '/v1/me', { key: key ?? '' })).body).toMatchObject({ scopes: ['vantage:branch'] })
  })
})
