import { afterAll, beforeAll, expect, test } from 'vitest'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service?.stop())

interface Parameter {
  name: string
  in: string
  schema: { format?: string; 'x-date'?: string }
}

/** A value that each other required parameter takes. */
const others: Record<string, string> = { step: 'P1D', framework: 'NIST-800-53', cause: 'dns' }

test('a date is taken for every time in a query', async () => {
  const { paths } = (await service.call('GET', '/openapi.json')).body
  const timed: [path: string, name: string][] = []
  for (const [path, { get }] of Object.entries<{ get?: { parameters?: Parameter[] } }>(paths)) {
    for (const { name, in: part, schema } of get?.parameters ?? []) {
      if (part !== 'query' || schema.format !== 'date-time') continue
      const edge = /^(to|at)$/.test(name) ? 'end' : 'start'
      expect([path, name, schema['x-date']]).toEqual([path, name, edge])
      timed.push([path, name])
    }
  }
  expect(timed.length).toBeGreaterThan(20)
  for (const [path, name] of timed.filter(([path]) => !path.includes('{'))) {
    const { get } = paths[path]
    const needed = get.parameters.filter(
      (one: Parameter & { required?: boolean }) => one.in === 'query' && one.required,
    )
    const query = new URLSearchParams(needed.map((one: Parameter) => [one.name, others[one.name] ?? '']))
    query.set(name, '2026-11-29')
    expect([path, name, (await service.call('GET', `${path}?${query}`)).status]).toEqual([path, name, 200])
  }
})

test('a period from one date to another includes both days', async () => {
  const { body } = await service.call('GET', '/v1/reports/drift?from=2026-11-01&to=2026-11-29')
  expect([body.from, body.to]).toEqual(['2026-11-01T00:00:00.000Z', '2026-11-29T23:59:59.999Z'])
})

test('a date in a body is the end of its day for what expires, and 30 February is refused', async () => {
  const key = (expiresAt: string) =>
    service.call('POST', '/v1/keys', { body: { name: 'dated', scopes: ['reports:read'], expiresAt } })
  const year = new Date().getUTCFullYear() + 1
  expect((await key(`${year}-06-30`)).body.expiresAt).toBe(`${year}-06-30T23:59:59.999Z`)
  expect(await key(`${year}-02-30`)).toMatchObject({ status: 400, body: { errors: [{ pointer: '/expiresAt' }] } })
})
