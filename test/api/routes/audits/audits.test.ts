import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listenSilently, ports } from '../../../support/app.ts'
import { listenHolding } from '../../../support/holding.ts'
import type { Listening } from '../../../support/listen.ts'
import { freePort } from '../../../support/ports.ts'
import { type ApiResponse, type Call, startService, type TestService } from '../../../support/service.ts'

let service: TestService
let listener: Listening
let params: { openPort: number; closedPort: number; httpsPort?: number }
beforeAll(async () => {
  ;[service, listener] = await Promise.all([
    startService({ env: { PORTWARDEN_PROBE_TIMEOUT_MS: '30000' } }),
    listenSilently(),
  ])
  params = { openPort: listener.port, closedPort: await freePort() }
})
afterAll(() => Promise.all([service.stop(), listener.close()]))

const targets = [{ name: 'epp-01', address: '127.0.0.1', labels: { site: 'hq' } }]
const post = (more: object = {}, call: Call = {}): Promise<ApiResponse> =>
  service.call('POST', '/v1/audits', { body: { policy: ports.name, targets, params, ...more }, ...call })
const waiting = { headers: { prefer: 'wait=15' } }
/** Audits that last until they are released: no peer responds to their TLS handshakes. */
async function startSlow() {
  const held = await listenHolding()
  return { ...held, post: (call?: Call) => post({ params: { ...params, httpsPort: held.port } }, call) }
}

describe('POST /v1/audits', () => {
  test('is accepted immediately: where to poll, and when to poll again', async () => {
    await using slow = await startSlow()
    const { status, headers, body } = await slow.post()
    expect(status).toBe(202)
    expect(headers).toMatchObject({ location: `/v1/audits/${body.id}`, 'retry-after': '1' })
    expect(headers['preference-applied']).toBeUndefined()
    expect(body).toMatchObject({
      status: 'running',
      verdict: null,
      trigger: 'api',
      policy: { name: 'ports', version: 1 },
    })
    const polled = await service.call('GET', headers.location ?? '')
    expect([polled.status, polled.headers['retry-after'], polled.body.status]).toEqual([200, '1', 'running'])
    slow.release()
    const seen = await service.call('GET', headers.location ?? '', waiting)
    expect(seen).toMatchObject({ status: 200, body: { id: body.id, status: 'completed' } })
    expect(seen.headers['retry-after']).toBeUndefined()
  })

  test('with Prefer: wait returns its end', async () => {
    const { status, headers, body } = await post({ correlationId: 'CHG1', reason: 'a change' }, waiting)
    expect([status, headers['preference-applied']]).toEqual([200, 'wait=15'])
    expect(headers['retry-after']).toBeUndefined()
    expect(body).toMatchObject({
      status: 'completed',
      verdict: 'pass',
      coverage: { checked: 2, notchecked: 1 },
      counts: { pass: 2, fail: 0, unknown: 0, error: 0, notapplicable: 1, notchecked: 1 },
      progress: { done: 4, total: 4 },
      correlationId: 'CHG1',
      reason: 'a change',
      error: null,
    })
    expect(body.finishedAt >= body.startedAt && body.startedAt >= body.createdAt).toBe(true)
  })

  test('with Prefer: wait waits no longer than requested', async () => {
    const headers = { prefer: 'respond-async, wait=1' }
    await using slow = await startSlow()
    const response = await slow.post({ headers })
    expect([response.status, response.headers['preference-applied']]).toEqual([202, 'wait=1'])
  })

  test('with Prefer: wait says for how long it waits at most', async () => {
    const { body: audit } = await post({}, waiting)
    for (const [prefer, applied] of [
      ['wait=999', 'wait=15'],
      ['respond-async, wait=7', 'wait=7'],
    ] as const) {
      const { headers } = await service.call('GET', `/v1/audits/${audit.id}`, { headers: { prefer } })
      expect([headers['preference-applied'], headers['retry-after']]).toEqual([applied, undefined])
    }
  })

  test.each(['wait=0', 'wait=soon', 'return=minimal', 'nowait=5'])(
    'with another preference does not wait: %s',
    async (prefer) => {
      await using slow = await startSlow()
      const response = await slow.post({ headers: { prefer } })
      expect([response.status, response.headers['preference-applied']]).toEqual([202, undefined])
    },
  )

  test('with an idempotency key returns the audit that the same request made', async () => {
    const call = { headers: { 'idempotency-key': 'ticket-1' } }
    const responses = await Promise.all(Array.from({ length: 5 }, () => post({ reason: 'once' }, call)))
    expect(new Set(responses.map(({ body }) => body.id)).size).toBe(1)
    expect(responses.map(({ status }) => status).every((status) => status === 202 || status === 200)).toBe(true)
    const other = await post({ reason: 'twice' }, call)
    expect(other).toMatchObject({ status: 422, body: { detail: expect.stringContaining('Idempotency-Key') } })
  })

  test('by another caller with the same idempotency key is another request', async () => {
    const headers = { 'idempotency-key': 'ticket-2' }
    const key = await service.stores.keys.create('another', ['admin'])
    const [one, other] = await Promise.all([post({}, { headers }), post({}, { headers, key })])
    expect(one.body.id).not.toBe(other.body.id)
  })

  test('takes targets by name and by label', async () => {
    await post({}, waiting)
    for (const chosen of [['epp-01'], { labels: { site: 'hq' } }]) {
      const { body } = await post({ targets: chosen }, waiting)
      expect(body).toMatchObject({ status: 'completed', progress: { total: 4 } })
    }
  })
})

describe('GET /v1/audits', () => {
  test('lists the newest first, filtered, in pages', async () => {
    const ids: string[] = []
    for (const reason of ['1', '2', '3']) ids.push((await post({ correlationId: 'listed', reason }, waiting)).body.id)
    const pages = await service.walk('/v1/audits?correlationId=listed&status=completed&policy=ports&limit=2')
    expect(pages.map((page) => page.map(({ id }) => ids.indexOf(id)))).toEqual([[2, 1], [0]])
    expect(await service.walk('/v1/audits?correlationId=listed&status=failed')).toEqual([[]])
    const first = await service.call('GET', '/v1/audits?correlationId=listed&limit=2')
    expect(first.headers.link).toBe(`</v1/audits?correlationId=listed&limit=2&cursor=${first.body.next}>; rel="next"`)
  })
})

describe('GET /v1/audits/{id}/findings', () => {
  test('shows what was found, with its evidence', async () => {
    const { body: audit } = await post({}, waiting)
    const { body } = await service.call('GET', `/v1/audits/${audit.id}/findings`)
    expect(body.next).toBeNull()
    expect(body.items.map(({ rule, result }: ApiResponse['body']) => `${rule} ${result}`).sort()).toEqual([
      'from-elsewhere notchecked',
      'must-be-open pass',
      'must-be-unreachable pass',
      'when-https notapplicable',
    ])
    const closed = body.items.find(({ rule }: ApiResponse['body']) => rule === 'must-be-unreachable')
    expect(closed).toMatchObject({
      target: 'epp-01',
      vantage: 'local',
      state: 'closed',
      reason: { code: 'as-expected', message: expect.any(String) },
      attempts: 1,
      indirect: false,
      evidence: {
        probe: 'tcp',
        host: '127.0.0.1',
        port: params.closedPort,
        addresses: { '127.0.0.1': { state: 'closed', reason: 'connection-refused', facts: {} } },
      },
    })
    expect(closed.latencyMs).toBeGreaterThanOrEqual(0)
  })

  test('filters and walks in pages', async () => {
    const many = Array.from({ length: 4 }, (_, i) => ({ name: `epp-1${i}`, address: '127.0.0.1' }))
    const { body: audit } = await post({ targets: many }, waiting)
    const url = `/v1/audits/${audit.id}/findings`
    const pages = await service.walk(`${url}?result=pass&limit=3`)
    expect(pages.map((page) => page.length)).toEqual([3, 3, 2])
    expect(new Set(pages.flat().map(({ target, rule }) => `${target} ${rule}`)).size).toBe(8)
    const [filtered] = await service.walk(`${url}?target=epp-12&rule=must-be-open&vantage=local`)
    expect(filtered).toMatchObject([{ target: 'epp-12', rule: 'must-be-open' }])
  })
})

describe('POST /v1/audits/{id}/cancel', () => {
  test('ends an audit that runs, and refuses one that has ended', async () => {
    await using slow = await startSlow()
    const { body: audit } = await slow.post()
    const canceled = await service.call('POST', `/v1/audits/${audit.id}/cancel`)
    expect(canceled).toMatchObject({ status: 200, body: { id: audit.id, status: 'canceled', verdict: 'inconclusive' } })
    expect(canceled.body.progress.done).toBe(canceled.body.progress.total)
    const again = await service.call('POST', `/v1/audits/${audit.id}/cancel`)
    expect(again).toMatchObject({ status: 409, body: { detail: expect.stringContaining('canceled') } })
  })

  test('wakes who waits for the end', async () => {
    await using slow = await startSlow()
    const { body: audit } = await slow.post()
    const waits = service.call('GET', `/v1/audits/${audit.id}`, waiting)
    await service.call('POST', `/v1/audits/${audit.id}/cancel`)
    expect((await waits).body).toMatchObject({ status: 'canceled' })
  })
})

describe('what changed', () => {
  test('is the same in drift and history, exactly', async () => {
    const body = { targets: [{ name: 'drifting', address: '127.0.0.1' }] }
    const first = await post({ ...body, params: { ...params, closedPort: listener.port } }, waiting)
    const second = await post(body, waiting)
    expect([first.body.verdict, second.body.verdict]).toEqual(['fail', 'pass'])

    const url = `/v1/reports/drift?from=audit:${first.body.id}&to=audit:${second.body.id}`
    const { body: drift } = await service.call('GET', url)
    expect(drift.summary).toMatchObject({ recovered: 1, regressed: 0, changed: 0, appeared: 0, vanished: 0 })
    expect(drift.items).toMatchObject([
      {
        class: 'recovered',
        cause: 'environment',
        target: 'drifting',
        rule: 'must-be-unreachable',
        vantage: 'local',
        before: { result: 'fail', state: 'open', reason: { code: 'unexpected-state' } },
        after: { result: 'pass', state: 'closed', reason: { code: 'as-expected' } },
      },
    ])
    const paths = drift.items[0].changes.map(({ path }: { path: string }) => path)
    expect(paths).toEqual(expect.arrayContaining(['/result', '/state', '/evidence/addresses/127.0.0.1/state']))

    const spans = (await service.walk('/v1/targets/drifting/history?limit=2')).flat()
    const closed = spans.filter(({ rule }) => rule === 'must-be-unreachable')
    expect(closed.map(({ result, to }) => [result, to])).toEqual([
      ['pass', null],
      ['fail', closed[0].from],
    ])
    expect(closed[0].changes.map(({ path }: { path: string }) => path)).toEqual(paths)
    expect(spans.filter(({ rule }) => rule === 'must-be-open')).toHaveLength(1)

    const times = `/v1/reports/drift?from=${closed[1].from}&to=${closed[0].from}`
    const between = await service.call('GET', times)
    expect(between.body.items.filter(({ target }: ApiResponse['body']) => target === 'drifting')).toMatchObject([
      { class: 'recovered', rule: 'must-be-unreachable' },
    ])
  })

  test('by a target that is no longer probed is not an error', async () => {
    const both = [...targets, { name: 'leaving', address: '127.0.0.1' }]
    const first = await post({ targets: both }, waiting)
    const second = await post({}, waiting)
    const url = `/v1/reports/drift?from=audit:${first.body.id}&to=audit:${second.body.id}`
    const { status, body } = await service.call('GET', url)
    expect(status).toBe(200)
    expect(body.items.every(({ target }: ApiResponse['body']) => target === 'leaving')).toBe(true)
    expect(body.summary.vanished).toBe(body.items.length)
  })
})

test('over real HTTP the response is the same, and a waiting client that disconnects affects no other', async () => {
  const url = await service.listen()
  const headers = { authorization: `Bearer ${service.key}`, 'content-type': 'application/json', prefer: 'wait=15' }
  const body = JSON.stringify({ policy: ports.name, targets, params })
  const response = await fetch(`${url}/v1/audits`, { method: 'POST', headers, body })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8'])
  expect(await response.json()).toMatchObject({ status: 'completed', verdict: 'pass' })

  await using held = await listenHolding()
  const slowBody = JSON.stringify({ policy: ports.name, targets, params: { ...params, httpsPort: held.port } })
  const impatient = new AbortController()
  const given = fetch(`${url}/v1/audits`, { method: 'POST', headers, body: slowBody, signal: impatient.signal })
  await held.holds()
  impatient.abort()
  await expect(given).rejects.toThrow()
  held.release()
  const [{ id } = { id: '' }] = await service.query<{ id: string }>('SELECT id FROM audit ORDER BY id DESC LIMIT 1')
  expect(await service.ended(id)).toMatchObject({ status: 'completed' })
  expect((await fetch(`${url}/livez`)).status).toBe(200)
})
