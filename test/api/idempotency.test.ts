import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { operations } from '../support/fuzz/document.ts'
import { startService, type TestService } from '../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ env: { PORTWARDEN_ALLOW: '127.0.0.1/32:9' } })
  await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['branch'] } })
  const body = { policy: 'ports', targets: [{ name: 'there', address: '127.0.0.1' }], params }
  const audit = await service.call('POST', '/v1/audits', { body, headers: { prefer: 'wait=15' } })
  bodies['/v1/baselines'] = { name: 'base', audit: audit.body.id, reason: 'a test' }
})
afterAll(() => service?.stop())

const params = { openPort: 9, closedPort: 9 }
const hours = (count: number) => new Date(Date.now() + count * 3_600_000).toISOString()
const scope = { policy: 'netwrix-endpoint-protector', rules: ['ssh-support'], targets: ['there'], reason: 'a test' }
const bodies: Record<string, object> = {
  '/v1/audits': { policy: 'ports', targets: ['there'], params },
  '/v1/traces': { target: 'there', port: 9, vantage: 'branch' },
  '/v1/policies/propose': { targets: ['there'], vantages: ['branch'], ports: [9] },
  '/v1/targets': { name: 'made-once', address: '127.0.0.1' },
  '/v1/schedules': { name: 'nightly', cron: '30 2 * * *', audit: { policy: 'ports', targets: ['there'], params } },
  '/v1/waivers': { policy: 'ports', rules: ['must-be-open'], targets: ['there'], reason: 'x', expiresAt: hours(24) },
  '/v1/windows': { ...scope, ticket: 'CHG1', from: hours(0), to: hours(24) },
  '/v1/webhooks': { url: 'http://127.0.0.1:9/', events: ['audit.completed'] },
  '/v1/keys': { name: 'made-once', scopes: ['reports:read'] },
}
const concurrency = 50
const creating = operations
  .filter(({ parameters }) => parameters.some(({ name }) => name === 'idempotency-key'))
  .map(({ path }) => path)

describe.each(creating)('POST %s', (path) => {
  const headers = { 'idempotency-key': `once ${path}` }
  const list = path === '/v1/policies/propose' ? '/v1/proposals' : path
  const count = async () => (await service.walk(list)).flat().length

  test(`${concurrency} concurrent times with one Idempotency-Key and one body makes one`, async () => {
    const body = bodies[path]
    expect(body, 'this test needs a body for it').toBeDefined()
    const before = await count()
    const responses = await Promise.all(
      Array.from({ length: concurrency }, () => service.call('POST', path, { body, headers })),
    )
    expect([...new Set(responses.map(({ status }) => (status === 200 ? 202 : status)))]).toHaveLength(1)
    expect(responses[0]?.status, JSON.stringify(responses[0]?.body)).toBeLessThan(300)
    expect(new Set(responses.map((response) => response.body.id ?? response.body.name)).size).toBe(1)
    expect(await count()).toBe(before + 1)
  })

  test('and with another body is refused', async () => {
    const { description: _, ...body } = { ...bodies[path], description: '' }
    const other = path === '/v1/webhooks' ? { ...body, enabled: false } : { ...body, ...change(path) }
    expect((await service.call('POST', path, { body: other, headers })).status).toBe(422)
  })
})

test.each([
  ['/v1/targets', { name: 'deleted', address: '127.0.0.1' }, 'target'],
  ['/v1/schedules', { ...bodies['/v1/schedules'], name: 'deleted' }, 'schedule'],
  ['/v1/baselines', { name: 'deleted' }, 'baseline'],
  ['/v1/webhooks', bodies['/v1/webhooks'] ?? {}, 'webhook'],
])('POST %s again, after what it created was deleted, says so and creates nothing', async (path, input, what) => {
  const body = path === '/v1/baselines' ? { ...bodies[path], ...input } : input
  const create = () => service.call('POST', path, { body, headers: { 'idempotency-key': `deleted ${path}` } })
  const first = await create()
  expect(first.status).toBe(201)
  const at = `${path}/${first.body.id ?? first.body.name}`
  expect((await service.call('DELETE', at)).status).toBe(204)
  const second = await create()
  expect(second.status).toBe(422)
  expect(second.body.detail).toMatch(RegExp(`this Idempotency-Key created the ${what} .*, which was deleted since`))
  expect((await service.call('GET', at)).status).toBe(404)
})

/** Another value of a field that does not have to be unique. */
const change = (path: string): object => {
  if (path === '/v1/targets') return { address: '127.0.0.2' }
  if (path === '/v1/traces') return { port: 10 }
  if (path === '/v1/policies/propose') return { ports: [10] }
  if (path === '/v1/schedules') return { cron: '31 2 * * *' }
  if (path === '/v1/keys') return { name: 'another' }
  return { reason: 'another' }
}
