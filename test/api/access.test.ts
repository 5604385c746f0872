import { readFileSync } from 'node:fs'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requireKey } from '../../src/api/http/auth.ts'
import { scopes } from '../../src/domain/access/scopes.ts'
import { startService, type TestService } from '../support/service.ts'

interface Operation {
  operationId: string
  security?: object[]
  'x-portwarden-scopes'?: string[]
}
type Method = Parameters<TestService['call']>[0]

const document = JSON.parse(readFileSync(new URL('../../openapi/openapi.json', import.meta.url), 'utf8'))
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, { security }]) => security?.length)
    .map(([method, { operationId, 'x-portwarden-scopes': scopes = [] }]) => ({
      operationId,
      method: method.toUpperCase() as Method,
      path: path.replace('{name}', 'absent').replace(/\{\w+\}/g, '00000000-0000-7000-8000-000000000000'),
      enough: scopes.map((scope) => scope.replace('NAME', 'absent')),
    })),
)
const everyScope = [...scopes, 'vantage:absent', 'vantage:other']

let service: TestService
const keys = new Map<string, string>()
beforeAll(async () => {
  service = await startService({ working: false })
  for (const scope of everyScope) keys.set(scope, await service.stores.keys.create(scope, [scope]))
})
afterAll(() => service?.stop())

const statusWith = async (key: string, { method, path }: (typeof operations)[number]) =>
  (await service.call(method, path, { key, ...(method === 'GET' ? {} : { body: {} }) })).status

const scoped = operations.filter(({ enough }) => enough.length > 0)
const unscoped = operations.filter(({ enough }) => enough.length === 0)

describe.each(unscoped)('$operationId, which needs no scope', (operation) => {
  test('accepts every valid key, and no other', async () => {
    const none = await service.stores.keys.create('none', [])
    for (const key of [...keys.values(), none]) expect(await statusWith(key, operation)).toBe(200)
    const revoked = await service.stores.keys.create('revoked', ['admin'])
    await service.stores.keys.revoke(revoked.split('_')[1] ?? '')
    expect(await statusWith(revoked, operation)).toBe(401)
  })
})

describe.each(scoped)('$operationId', (operation) => {
  test('says which scopes are enough, admin among them', () => {
    expect(operation.enough).toContain('admin')
    expect(everyScope).toEqual(expect.arrayContaining(operation.enough))
  })

  test('responds with 403 to a key of any other scope, and accepts the others', async () => {
    for (const [scope, key] of keys) {
      const status = await statusWith(key, operation)
      expect(`${scope}: ${status === 403}`).toBe(`${scope}: ${!operation.enough.includes(scope)}`)
      expect(status).not.toBe(401)
    }
  })

  test('responds with 403 to a key with all insufficient scopes, and to one with none', async () => {
    const others = everyScope.filter((scope) => !operation.enough.includes(scope))
    expect(await statusWith(await service.stores.keys.create('others', others), operation)).toBe(403)
    expect(await statusWith(await service.stores.keys.create('none', []), operation)).toBe(403)
  })

  test('responds with 401 to an expired key, and to a revoked one', async () => {
    const expired = await service.stores.keys.create('expired', ['admin'], { expiresAt: new Date(Date.now() - 1) })
    expect(await statusWith(expired, operation)).toBe(401)
    const revoked = await service.stores.keys.create('revoked', ['admin'])
    await service.stores.keys.revoke(revoked.split('_')[1] ?? '')
    expect(await statusWith(revoked, operation)).toBe(401)
  })
})

test('a route without a scope is rejected before the service starts', async () => {
  const app = fastify()
  app.register(async (v1) => {
    requireKey(v1, service)
    v1.get('/forgotten', async () => 'data')
  })
  await expect(app.ready()).rejects.toThrow('/forgotten has no scope')
})

test('a key that may run audits but not write targets names existing targets', async () => {
  await service.stores.targets.save([{ name: 'there', address: '127.0.0.1' }])
  const ask = (targets: unknown[], scope: string[]) =>
    service.stores.keys.create('runner', scope).then((key) =>
      service.call('POST', '/v1/audits', {
        key,
        body: { policy: 'ports', targets, params: { openPort: 1, closedPort: 2 } },
      }),
    )
  expect((await ask(['there'], ['audits:run'])).status).toBe(202)
  expect((await ask([{ name: 'there', address: '127.0.0.2' }], ['audits:run'])).status).toBe(403)
  expect((await service.stores.targets.find('there'))?.address).toBe('127.0.0.1')
  expect((await ask([{ name: 'new', address: '127.0.0.1' }], ['audits:run', 'targets:write'])).status).toBe(202)
})
