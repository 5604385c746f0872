import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listenSilently } from '../../../support/app.ts'
import type { Listening } from '../../../support/listen.ts'
import { freePort } from '../../../support/ports.ts'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
let open: Listening
let passing: string
let failing: string
beforeAll(async () => {
  service = await startService()
  open = await listenSilently()
  await service.stores.targets.save([
    { name: 'a', address: '127.0.0.1', labels: { site: 'hq' } },
    { name: 'b', address: '127.0.0.1', labels: { site: 'branch' } },
  ])
  const closed = await freePort()
  const audit = async (body: object) => {
    const made = await service.call('POST', '/v1/audits', { body: { policy: 'ports', ...body } })
    expect(made.status, JSON.stringify(made.body)).toBe(202)
    return (await service.ended(made.body.id)).id
  }
  passing = await audit({ targets: ['a'], params: { openPort: open.port, closedPort: closed } })
  failing = await audit({
    targets: ['a', 'b'],
    params: { openPort: open.port, closedPort: open.port },
    vantages: ['local'],
  })
})
afterAll(async () => {
  await service?.stop()
  await open?.close()
})

const idsOf = async (query: string) =>
  (await service.call('GET', `/v1/audits?${query}`)).body.items.map(({ id }: { id: string }) => id)

describe('an audit', () => {
  test('says who requested it, by name, and for what', async () => {
    const { body } = await service.call('GET', `/v1/audits/${failing}`)
    const [, id] = service.key.split('_')
    const name = (await service.stores.keys.find(id ?? ''))?.name
    expect(name).toBeTruthy()
    expect(body).toMatchObject({
      requestedBy: id,
      requestedByName: name,
      selection: { targets: 2, vantages: ['local'], rules: [] },
    })
  })

  test('is found by trigger, verdict and time', async () => {
    const { createdAt } = (await service.call('GET', `/v1/audits/${failing}`)).body
    expect(await idsOf('trigger=api')).toEqual([failing, passing])
    expect(await idsOf('trigger=schedule')).toEqual([])
    expect(await idsOf('verdict=fail')).toEqual([failing])
    expect(await idsOf(`from=${createdAt}`)).toEqual([failing])
    expect(await idsOf(`to=${createdAt}`)).toEqual([passing])
    expect((await service.call('GET', '/v1/audits?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z')).status).toBe(422)
  })
})

describe('the summary of an audit', () => {
  const countsOf = async (key?: string) => {
    const { status, body } = await service.call('GET', `/v1/audits/${failing}/summary`, key ? { key } : {})
    expect(status).toBe(200)
    return body.items.map(({ rule, vantage, counts }: { rule: string; vantage: string; counts: object }) => [
      `${rule} from ${vantage}`,
      Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ])
  }

  test('counts the findings of each rule from each vantage, in the order of the policy', async () => {
    expect(await countsOf()).toEqual([
      ['must-be-open from local', { pass: 2 }],
      ['must-be-unreachable from local', { fail: 2 }],
      ['from-elsewhere from zone:elsewhere', { notchecked: 2 }],
      ['when-https from local', { notapplicable: 2 }],
    ])
  })

  test('counts the targets of a limited key alone', async () => {
    const body = { name: 'team', scopes: ['reports:read'], targets: { labels: { site: 'hq' } } }
    const { key } = (await service.call('POST', '/v1/keys', { body })).body
    expect((await service.call('GET', `/v1/audits/${failing}/summary`, { key })).status).toBe(404)
    const own = await service.call('POST', '/v1/audits', {
      body: { policy: 'ports', targets: ['a'], params: { openPort: 1, closedPort: 1 } },
      headers: { prefer: 'wait=15' },
      key: (await service.call('POST', '/v1/keys', { body: { ...body, scopes: ['audits:run'] } })).body.key,
    })
    const { body: seen } = await service.call('GET', `/v1/audits/${own.body.id}/summary`, { key })
    expect(seen.items[0]).toMatchObject({ rule: 'must-be-open', counts: { fail: 1 } })
  })

  test('is refused when retention has dropped the findings', async () => {
    await service.query(`DELETE FROM finding WHERE audit_id = '${passing}'`)
    expect((await service.call('GET', `/v1/audits/${passing}/summary`)).status).toBe(409)
  })
})
