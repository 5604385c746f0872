import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { listenSilently } from '../../../support/app.ts'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
/** No worker and no agent serves the vantages: the test is the agent. */
beforeAll(async () => {
  service = await startService({ working: false })
  await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['site'] } })
  await service.call('PUT', '/v1/vantages/other', { body: { zones: ['site'] } })
  await service.stores.targets.save([
    { name: 'one', address: '10.20.0.11', labels: { team: 'blue' } },
    { name: 'two', address: '10.20.0.12' },
  ])
})
afterAll(() => service?.stop())

let requesters = 0
/** With a key of its own, since the proposals of a key are limited. */
async function propose(more: object = {}, options: { key?: string; headers?: Record<string, string> } = {}) {
  const key = options.key ?? (await service.stores.keys.create(`requester ${++requesters}`, ['audits:run']))
  const body = { targets: ['one', 'two'], ports: ['440-443'], vantages: ['branch'], ...more }
  return service.call('POST', '/v1/policies/propose', { key, body, headers: options.headers ?? {} })
}
const lease = (vantage: string) =>
  service.call('POST', `/v1/vantages/${vantage}/discoveries`, { body: { waitSeconds: 0 } })
const deliver = (vantage: string, id: string, body: object) =>
  service.call('POST', `/v1/vantages/${vantage}/discoveries/${id}`, { body })
const found = (...open: object[]) => ({ observedAt: '2026-11-22T02:00:00.000Z', open, undecided: [] })
/** Ends what waits. */
async function drain(vantage: string) {
  for (let next = await lease(vantage); next.status === 200; next = await lease(vantage))
    await deliver(vantage, next.body.id, { failure: 'vantage-offline' })
}

describe('a proposal', () => {
  test('waits for each vantage, is leased once, and has a document when all have delivered', async () => {
    await Promise.all(['branch', 'other'].map(drain))
    const { status, body, headers } = await propose({ vantages: ['branch', 'other'] })
    expect({ status, headers }).toMatchObject({ status: 202, headers: { 'retry-after': '1' } })
    const leased = await lease('branch')
    expect(leased).toMatchObject({
      status: 200,
      body: { id: body.id, ports: ['440-443'], targets: [{ name: 'one', address: '10.20.0.11' }, { name: 'two' }] },
    })
    expect((await lease('branch')).status).toBe(204)
    const ssh = [0, 1].map((target) => ({ target, port: 443, form: 'https' }))
    expect((await deliver('branch', body.id, found(...ssh))).status).toBe(204)
    const read = async () => (await service.call('GET', `/v1/proposals/${body.id}`)).body
    expect(await read()).toMatchObject({ status: 'running', document: null, source: null })
    await lease('other')
    await deliver('other', body.id, { failure: 'vantage-offline' })
    expect(await read()).toMatchObject({
      ...{
        status: 'completed',
        omitted: 0,
        document: { name: 'proposed', rules: [{ id: 'https-443', from: ['site'] }] },
      },
      vantages: [
        { vantage: 'branch', status: 'completed', failure: null, open: 2 },
        { vantage: 'other', status: 'failed', failure: 'vantage-offline', open: 0 },
      ],
    })
    const { items } = (await service.call('GET', '/v1/proposals?limit=1')).body
    expect(items).toMatchObject([{ id: body.id, status: 'completed', targets: ['one', 'two'] }])
    expect(items[0]).not.toHaveProperty('document')
  })

  test('is the same for the same Idempotency-Key, and 422 for another request with it', async () => {
    const key = await service.stores.keys.create('again', ['audits:run'])
    const headers = { 'idempotency-key': 'k-1' }
    const [first, second] = [await propose({}, { key, headers }), await propose({}, { key, headers })]
    expect(second.body.id).toBe(first.body.id)
    expect((await propose({ ports: [1] }, { key, headers })).status).toBe(422)
  })

  test('has failed without a result at its deadline, and takes none after it', async () => {
    const { body } = await propose()
    await service.query(`UPDATE discovery SET deadline_at = now() WHERE id = '${body.id}'`)
    expect((await service.call('GET', `/v1/proposals/${body.id}`)).body).toMatchObject({
      ...{ status: 'failed', document: null },
      vantages: [{ status: 'failed', failure: 'deadline' }],
    })
    expect((await deliver('branch', body.id, found())).status).toBe(409)
  })

  test('is leased again when an agent has not delivered for 90 seconds', async () => {
    await drain('branch')
    const { body } = await propose()
    await lease('branch')
    await service.query(`UPDATE discovery SET taken_at = now() - interval '91 seconds' WHERE id = '${body.id}'`)
    expect((await lease('branch')).body.id).toBe(body.id)
  })

  test.each([
    [{ ports: ['0'] }, '/ports/0', 'must be a port from 1 to 65535'],
    [{ ports: [443, '9-8'] }, '/ports/1', 'or a range such as'],
    [{ vantages: ['mars'] }, '/vantages/0', 'there is no vantage mars'],
    [{ targets: ['none'] }, '/targets/0', 'there is no target none'],
    [{ targets: { labels: { team: 'none' } } }, '/targets', 'at least one target'],
    [{ ports: ['1-65535'] }, '/ports', '131070 probes are more than 100000'],
  ])('of %j is refused, with what would be right', async (more, pointer, detail) => {
    const { status, body } = await propose(more)
    expect({ status, pointer: body.errors[0].pointer }).toEqual({ status: 422, pointer })
    expect(body.errors[0].detail).toContain(detail)
  })

  test('is refused beyond four of a key that are under way', async () => {
    const key = await service.stores.keys.create('busy', ['audits:run'])
    const statuses = []
    for (let i = 0; i < 5; i++) statuses.push((await propose({}, { key })).status)
    expect(statuses).toEqual([202, 202, 202, 202, 429])
  })

  test('of a limited key has its own targets alone, and is hidden from others', async () => {
    const limited = async (team: string) =>
      (
        await service.call('POST', '/v1/keys', {
          body: { name: team, scopes: ['audits:run'], targets: { labels: { team } } },
        })
      ).body.key
    const [blue, green] = [await limited('blue'), await limited('green')]
    expect((await propose({}, { key: blue })).status).toBe(422)
    const { status, body } = await propose({ targets: ['one'] }, { key: blue })
    expect(status).toBe(202)
    const read = async (key: string) => (await service.call('GET', `/v1/proposals/${body.id}`, { key })).status
    expect([await read(blue), await read(green)]).toEqual([200, 404])
  })
})

describe('a delivery is refused', () => {
  test.each([
    ['for a target that is none', found({ target: 2, port: 443, form: 'tcp' }), '/open/0/target'],
    ['for a port that was not leased', found({ target: 0, port: 80, form: 'tcp' }), '/open/0/port'],
    [
      'for an endpoint twice',
      found({ target: 0, port: 443, form: 'tcp' }, { target: 0, port: 443, form: 'ssh' }),
      '/open/1',
    ],
  ])('%s', async (_, result, pointer) => {
    const { body } = await propose()
    const { status, body: problem } = await deliver('branch', body.id, result)
    expect({ status, pointer: problem.errors[0].pointer }).toEqual({ status: 422, pointer })
  })

  test('with a form that no policy has, and from another vantage', async () => {
    const { body } = await propose()
    expect((await deliver('branch', body.id, found({ target: 0, port: 443, form: 'evil' }))).status).toBe(400)
    expect((await deliver('other', body.id, found())).status).toBe(409)
  })
})

test('a vantage probes nothing beyond its egress policy, and says so', async () => {
  const open = await listenSilently()
  onTestFinished(open.close)
  const guarded = await startService({ env: { PORTWARDEN_ALLOW: '10.0.0.0/8' } })
  onTestFinished(guarded.stop)
  await guarded.stores.targets.save([{ name: 'peer', address: '127.0.0.1' }])
  const { body } = await guarded.call('POST', '/v1/policies/propose', {
    body: { targets: ['peer'], ports: [open.port] },
    headers: { prefer: 'wait=15' },
  })
  expect(body).toMatchObject({
    ...{ status: 'completed', document: null },
    vantages: [{ open: 0, undecided: [{ target: 'peer', reason: 'egress-denied', ports: 1 }] }],
  })
})
