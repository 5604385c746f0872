import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import openapi from '../../../openapi/openapi.json' with { type: 'json' }
import { freePort } from '../../support/ports.ts'
import { startService, type TestService } from '../../support/service.ts'

interface Operation {
  parameters?: { name?: string; in?: string; required?: boolean }[]
}

/** The paths of listings and reports that can be limited to one target by its name. */
const filtered = Object.entries(openapi.paths as Record<string, { get?: Operation }>).flatMap(([path, { get }]) =>
  path.startsWith('/v1/') &&
  get?.parameters?.some(({ name, in: part, required }) => name === 'target' && part === 'query' && !required)
    ? [path]
    : [],
)

let service: TestService
let audits: string[]
beforeAll(async () => {
  service = await startService()
  const port = await freePort()
  const document = {
    name: 'ports',
    title: 'Ports',
    rules: [
      {
        ...{ id: 'closed', title: 'closed', severity: 'high', direction: 'inbound', from: ['client'] },
        ...{ probe: 'tcp', port, expect: { state: ['closed'] }, insideWindow: { expect: { state: ['open'] } } },
        ...{ rationale: 'x', remediation: 'x', controls: ['PCI-DSS-4.0.1:1.2.5'] },
      },
    ],
  }
  expect((await service.call('PUT', '/v1/policies/ports', { body: document })).status).toBeLessThan(300)
  const targets = ['a', 'b'].map((name) => ({ name, address: '127.0.0.1', externalId: `CI-${name}` }))
  audits = []
  for (let i = 0; i < 2; i++) {
    const { body } = await service.call('POST', '/v1/audits', {
      body: { policy: 'ports', targets },
      headers: { prefer: 'wait=60' },
    })
    expect(body.status).toBe('completed')
    audits.push(body.id)
  }
  const until = new Date(Date.now() + 3_600_000).toISOString()
  const common = { policy: 'ports', rules: ['closed'], reason: 'x' }
  for (const target of ['a', 'b']) {
    const of = { ...common, targets: [target] }
    await service.call('POST', '/v1/waivers', { body: { ...of, expiresAt: until } })
    await service.call('POST', '/v1/windows', {
      body: { ...of, from: new Date().toISOString(), to: until, ticket: 'C' },
    })
    await service.call('POST', '/v1/traces', { body: { target: { externalId: `CI-${target}` }, port } })
  }
})
afterAll(() => service.stop())

/** What a report needs beside the target. */
const others = (path: string): string => {
  const from = '2026-11-01T00:00:00Z'
  if (path.endsWith('/drift')) return `from=${from}&to=audit:${audits[1]}&`
  if (/\/(series|trend)$/.test(path)) return `from=${from}&to=2026-11-02T00:00:00Z&`
  const cause = path.endsWith('/unknown/targets') ? 'cause=never-audited&' : ''
  return (
    cause + (path.startsWith('/v1/reports/') && !path.endsWith('/history') ? `at=${new Date().toISOString()}&` : '')
  )
}

test('there are listings to test', () => {
  expect(filtered.length).toBeGreaterThanOrEqual(14)
})

describe.each(filtered)('GET %s', (path) => {
  test('finds by externalId what it finds by the name', async () => {
    const url = `${path.replace('{id}', audits[1] ?? '')}?${others(path)}`
    const read = async (filter: string) => {
      const { status, body } = await service.call('GET', url + filter)
      expect([status, body.detail]).toEqual([200, undefined])
      return JSON.parse(JSON.stringify(body).replaceAll(/"(at|asOf|from|to)":"[^"]*"/g, '"$1":""'))
    }
    expect(await read('externalId=CI-a')).toEqual(await read('target=a'))
    expect(await read('externalId=CI-a&target=a')).toEqual(await read('target=a'))
    // An audit has many targets: one for each condition is enough.
    if (path !== '/v1/audits') expect(await read('externalId=CI-a&target=b')).toEqual(await read('externalId=none'))
    if (!/certificates|trend|series|unknown/.test(path))
      expect(await read('externalId=CI-a')).not.toEqual(await read('externalId=none'))
    expect((await service.call('GET', `${url}externalId=`)).status).toBe(400)
  })
})
