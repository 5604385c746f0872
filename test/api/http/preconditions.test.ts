import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startService, type TestService } from '../../support/service.ts'

const { paths } = JSON.parse(readFileSync(new URL('../../../openapi/openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, { responses: object }>>
}
const putRoutes = Object.keys(paths).filter((path) => paths[path]?.put)

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
  await service.stores.targets.save([{ name: 'host', address: '127.0.0.1' }])
})
afterAll(() => service?.stop())

const audit = { policy: 'ports', targets: ['host'], params: { openPort: 1, closedPort: 2 } }
const rule = { id: 'one', title: 'One', severity: 'low', direction: 'inbound', from: ['client'], probe: 'tcp', port: 1 }
const policy = { name: 'fresh', source: 'test', rules: [{ ...rule, expect: { state: ['open'] } }] }
/** A body, and another one, for each route. */
const bodies: Record<string, [object, object]> = {
  '/v1/targets/{name}': [{ address: '127.0.0.1' }, { address: '127.0.0.2' }],
  '/v1/schedules/{name}': [
    { cron: '30 2 * * *', timeZone: 'UTC', audit },
    { cron: '30 3 * * *', timeZone: 'UTC', audit },
  ],
  '/v1/policies/{name}': [
    { ...policy, title: 'One' },
    { ...policy, title: 'Two' },
  ],
  '/v1/vantages/{name}': [{ zones: ['client'] }, { zones: ['server'] }],
}

test('every PUT route is listed here', () => {
  expect(Object.keys(bodies).sort()).toEqual(putRoutes.sort())
})

test.each(putRoutes)('PUT %s with If-None-Match: * creates, and changes nothing that exists (412)', async (route) => {
  const [body, other] = bodies[route] ?? []
  const path = route.replace('{name}', 'fresh')
  const put = (body: unknown, headers = {}) => service.call('PUT', path, { body, headers })
  const isNew = { 'if-none-match': '*' }
  const statuses = (await Promise.all([body, other, body].map((one) => put(one, isNew)))).map(({ status }) => status)
  expect(statuses.filter((status) => status === 412)).toHaveLength(2)
  expect(statuses.filter((status) => status < 300)).toHaveLength(1)
  const before = await service.call('GET', path)
  const entries = (await service.call('GET', '/v1/ledger')).body.items.length
  for (const one of [body, other]) {
    const refused = await put(one, isNew)
    expect(refused).toMatchObject({ status: 412, body: { detail: expect.stringContaining('If-None-Match') } })
  }
  expect((await service.call('GET', path)).body).toEqual(before.body)
  expect((await service.call('GET', '/v1/ledger')).body.items).toHaveLength(entries)
  expect(paths[route]?.put?.responses).toHaveProperty('412')
  expect((await put(other, { 'if-none-match': '"another"' })).status).toBeLessThan(300)
})

test.each(['/v1/targets/listed', '/v1/schedules/listed'])(
  'PUT and PATCH %s with If-None-Match: its own tag are 412',
  async (path) => {
    const [body] = bodies[path.replace('listed', '{name}')] ?? []
    const { headers } = await service.call('PUT', path, { body })
    for (const method of ['PUT', 'PATCH'] as const) {
      const listed = { 'if-none-match': `"x", ${headers.etag}` }
      expect((await service.call(method, path, { body, headers: listed })).status).toBe(412)
    }
  },
)
