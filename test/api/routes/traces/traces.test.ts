import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tracesInFlight } from '../../../../src/operations/traces/request-trace.ts'
import { listenSilently } from '../../../support/app.ts'
import type { Listening } from '../../../support/listen.ts'
import { freePort } from '../../../support/ports.ts'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
let listening: Listening
let agent: string
beforeAll(async () => {
  service = await startService({ env: { PORTWARDEN_ALLOW: '127.0.0.0/8' } })
  listening = await listenSilently()
  await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['branch'] } })
  agent = await service.stores.keys.create('agent', ['vantage:branch'])
  await service.stores.targets.save([{ name: 'host', address: '127.0.0.1', labels: { team: 'blue' } }])
})
afterAll(() => Promise.all([service.stop(), listening.close()]))

const request = (body: object, headers: Record<string, string> = {}, key = service.key) =>
  service.call('POST', '/v1/traces', { body, headers, key })
const lease = (waitSeconds = 0) =>
  service.call('POST', '/v1/vantages/branch/traces', { body: { waitSeconds }, key: agent })
const deliver = (id: string, body: unknown) =>
  service.call('POST', `/v1/vantages/branch/traces/${id}`, { body, key: agent })

const hop = { hop: 1, address: '10.1.0.1', ms: 0.4, others: [] }
const path = { port: 22, outcome: 'silence', endHop: null, rejectedBy: null, hops: [hop], loops: false }
const result = { address: '10.9.0.1', path, comparison: null }

describe('a trace of a vantage of this process', () => {
  test('of an open port is completed within the wait, and can be read again', async () => {
    const { status, body, headers } = await request(
      { target: 'host', port: listening.port, vantage: 'local' },
      { prefer: 'wait=15' },
    )
    expect([status, body]).toMatchObject([
      200,
      {
        ...{ status: 'completed', target: 'host', host: '127.0.0.1', vantage: 'local', audit: null, failure: null },
        ...{ summary: 'Open at hop 1.', requestedBy: service.key.split('_')[1] },
        result: { address: '127.0.0.1', path: { outcome: 'connected', distance: 1, hops: [] }, comparison: null },
      },
    ])
    expect(headers.location).toBe(`/v1/traces/${body.id}`)
    expect((await service.call('GET', `/v1/traces/${body.id}`)).body).toEqual(body)
    expect((await service.call('GET', '/v1/traces?target=host')).body.items).toContainEqual(body)
  })

  test('of a closed port is compared with the given port', async () => {
    const port = await freePort()
    const body = { host: '127.0.0.1', port, comparePort: listening.port, vantage: 'local' }
    expect((await request(body, { prefer: 'wait=15' })).body).toMatchObject({
      summary: `Refused with a reset at hop 1. Port ${listening.port} is open at hop 1.`,
      result: { comparison: { port: listening.port, outcome: 'connected' } },
    })
  })

  test('of an address that the egress policy denies is refused with 422', async () => {
    const denied = await request({ host: '10.0.0.1', port: 22, vantage: 'local' })
    expect([denied.status, denied.body.errors]).toMatchObject([422, [{ pointer: '/host', detail: /egress policy/ }]])
  })
})

test('without ICMP at the vantage it is refused with 409 and a sentence', async () => {
  const fallback = await startService({ env: { PORTWARDEN_CONNECTOR: 'node' } })
  const { status, body } = await fallback.call('POST', '/v1/traces', {
    body: { host: '127.0.0.1', port: 9, vantage: 'local' },
  })
  expect([status, body.detail]).toEqual([
    409,
    expect.stringMatching(/^This vantage connects without knowledge of ICMP/),
  ])
  await fallback.stop()
})

describe('a trace of an agent', () => {
  test('is leased once, and its result ends the wait of the request', async () => {
    const leased = lease(10)
    const waiting = request({ host: '10.9.0.1', port: 22, comparePort: 443, vantage: 'branch' }, { prefer: 'wait=15' })
    const { body: taken } = await leased
    expect(taken).toMatchObject({ host: '10.9.0.1', port: 22, compare: [443] })
    expect((await lease()).status).toBe(204)
    expect((await service.call('GET', `/v1/traces/${taken.id}`)).body.status).toBe('running')
    expect((await deliver(taken.id, result)).status).toBe(204)
    expect((await waiting).body).toMatchObject({
      status: 'completed',
      summary: 'No response; SYNs reach 10.1.0.1, hop 1 of at least 2.',
      result: { path: { reached: { hop: 1, address: '10.1.0.1' }, lastForwarding: null, leastDistance: 2 } },
    })
    expect((await deliver(taken.id, result)).status).toBe(409)
  })

  test.for([
    ['an address that is none', { ...result, address: '1.2.3' }, 422],
    ['a hop that is none', { ...result, path: { ...path, hops: [{ ...hop, address: ':::' }] } }, 422],
    ['hops out of order', { ...result, path: { ...path, hops: [{ ...hop, hop: 2 }] } }, 422],
    ['another port', { ...result, path: { ...path, port: 23 } }, 422],
    ['another address', { ...result, address: '10.9.0.2' }, 422],
    ['a comparison that was not ordered', { ...result, comparison: { ...path, port: 4444 } }, 422],
    ['a reject without its message', { ...result, path: { ...path, outcome: 'rejected' } }, 422],
    ['control characters', { ...result, address: '10.0.0.1\u0007' }, 400],
    ['31 hops', { ...result, path: { ...path, hops: Array.from({ length: 31 }, () => hop) } }, 400],
    ['an unknown failure', { failure: 'because' }, 400],
    ['a further field', { ...result, summary: 'all is well' }, 400],
    ['nothing', {}, 400],
  ] as const)('is refused with %s, and can be delivered then', async ([, delivery, status]) => {
    await request({ host: '10.9.0.1', port: 22, vantage: 'branch' })
    const { body: taken } = await lease()
    expect((await deliver(taken.id, delivery)).status).toBe(status)
    expect((await deliver(taken.id, { failure: 'no-local-route' })).status).toBe(204)
    const { body } = await service.call('GET', `/v1/traces/${taken.id}`)
    expect(body).toMatchObject({ status: 'failed', failure: { code: 'no-local-route' }, result: null, summary: null })
  })

  test('is not delivered by the agent of another vantage', async () => {
    await service.call('PUT', '/v1/vantages/other', { body: { zones: ['branch'] } })
    const key = await service.stores.keys.create('other', ['vantage:other'])
    await request({ host: '10.9.0.1', port: 22, vantage: 'branch' })
    const { body: taken } = await lease()
    const at = (vantage: string) =>
      service.call('POST', `/v1/vantages/${vantage}/traces/${taken.id}`, { body: result, key })
    expect([(await at('branch')).status, (await at('other')).status]).toEqual([403, 409])
    await deliver(taken.id, result)
  })

  test('that is not made by its deadline has failed, and is neither leased nor delivered', async () => {
    const { body } = await request({ host: '10.9.0.1', port: 22, vantage: 'branch' })
    await service.query(`UPDATE trace SET deadline_at = now() WHERE id = '${body.id}'`)
    expect((await lease()).status).toBe(204)
    expect((await deliver(body.id, result)).status).toBe(409)
    expect((await service.call('GET', `/v1/traces/${body.id}`)).body).toMatchObject({
      status: 'failed',
      failure: { code: 'trace-deadline' },
    })
  })

  test('that a dead agent has taken is leased again', async () => {
    const { body } = await request({ host: '10.9.0.1', port: 22, vantage: 'branch' })
    await lease()
    await service.query(`UPDATE trace SET started_at = now() - interval '91 seconds' WHERE id = '${body.id}'`)
    expect((await lease()).body.id).toBe(body.id)
    await deliver(body.id, result)
  })
})

describe('a request', () => {
  test.for([
    [{ port: 22, vantage: 'local' }, 422, ''],
    [{ target: 'host', host: '127.0.0.1', port: 22, vantage: 'local' }, 422, ''],
    [{ target: 'absent', port: 22, vantage: 'local' }, 422, '/target'],
    [{ host: '127.1', port: 22, vantage: 'local' }, 422, '/host'],
    [{ host: '127.0.0.1', port: 22 }, 422, '/vantage'],
    [{ host: '127.0.0.1', port: 22, vantage: 'absent' }, 422, '/vantage'],
    [{ host: '127.0.0.1', port: 0, vantage: 'local' }, 400, '/port'],
    [{ host: '127.0.0.1', port: 22, comparePort: 65_536, vantage: 'local' }, 400, '/comparePort'],
    [{ host: 'a\u0000b', port: 22, vantage: 'local' }, 400, '/host'],
    [{ host: '127.0.0.1', port: 22, vantage: 'local', ttl: 3 }, 400, ''],
  ] as const)('%j is refused with %i', async ([body, status, pointer]) => {
    const { status: refused, body: problem } = await request(body)
    expect([refused, problem.errors[0].pointer]).toEqual([status, expect.stringContaining(pointer)])
  })

  test('of a key that is limited to targets may name a target of it, and no host', async () => {
    const limits = { name: 'blue', scopes: ['audits:run'], targets: { labels: { team: 'blue' } } }
    const { key } = (await service.call('POST', '/v1/keys', { body: limits })).body
    const byHost = await request({ host: '127.0.0.1', port: listening.port, vantage: 'local' }, {}, key)
    expect([byHost.status, byHost.body.detail]).toEqual([403, expect.stringContaining('name a target')])
    const byTarget = await request(
      { target: 'host', port: listening.port, vantage: 'local' },
      { prefer: 'wait=15' },
      key,
    )
    expect([byTarget.status, byTarget.body.summary]).toEqual([200, 'Open at hop 1.'])
  })

  test('beyond the traces under way of a key gets 429, and another key is served', async () => {
    const greedy = await service.stores.keys.create('greedy', ['audits:run'])
    const body = { host: '10.9.0.1', port: 22, vantage: 'branch' }
    const responses = await Promise.all(Array.from({ length: tracesInFlight + 3 }, () => request(body, {}, greedy)))
    const statuses = Map.groupBy(responses, ({ status }) => status)
    expect([...statuses].map(([status, all]) => [status, all.length]).sort()).toEqual([
      [202, tracesInFlight],
      [429, 3],
    ])
    expect(statuses.get(429)?.[0]?.headers['retry-after']).toBe('5')
    expect((await request(body)).status).toBe(202)
    await service.query(`UPDATE trace SET finished_at = now(), failure = 'local-failure' WHERE finished_at IS NULL`)
  })
})

test('a trace on request is taken before those by themselves', async () => {
  const by = {
    target: null,
    host: '10.9.0.1',
    compare: [],
    vantage: 'branch',
    requestedBy: 'k',
    deadlineAt: new Date(Date.now() + 60_000),
  }
  const ids = ['01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000002'] as const
  await service.stores.traces.create([{ ...by, id: ids[0], port: 1, auditId: '01900000-0000-7000-8000-000000000000' }])
  await service.stores.traces.create([{ ...by, id: ids[1], port: 2, auditId: null }])
  const taken = [await lease(), await lease()].map(({ body }) => body.id)
  expect(taken).toEqual([ids[1], ids[0]])
  for (const id of taken) await deliver(id, result)
})
