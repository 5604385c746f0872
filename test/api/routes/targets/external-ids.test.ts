import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())

// Each test has targets of its own: the ledger stays intact.
let run = 0
let ci = ''
let reference = { externalId: '' }
let [first, second, third] = ['', '', '']
beforeEach(async () => {
  run += 1
  ci = `CI-${run}/ä=%`
  reference = { externalId: ci }
  ;[first, second, third] = [`epp-${run}-01`, `epp-${run}-02`, `epp-${run}-03`]
  await create(first, ci)
  await create(second, `other ${run}`)
})

const create = (name: string, externalId: string) =>
  service.call('POST', '/v1/targets', { body: { name, address: '127.0.0.1', externalId, labels: { site: 'hq' } } })
const path = (externalId: string) => `/v1/targets/externalId=${encodeURIComponent(externalId)}`
const policy = 'netwrix-endpoint-protector'
const hour = 3_600_000
const later = (ms: number) => new Date(Date.now() + ms).toISOString()

/** Every request that takes references to targets, and where the reference is. */
const requests: [string, string, (targets: unknown[]) => object][] = [
  ['an audit', '/v1/audits', (targets) => ({ policy, targets })],
  [
    'a schedule',
    '/v1/schedules',
    (targets) => ({ name: `nightly-${run}-${targets.length}`, cron: '@daily', audit: { policy, targets } }),
  ],
  [
    'a window',
    '/v1/windows',
    (targets) => ({
      ...{ policy, rules: ['ssh-support'], targets, ticket: 'CHG1', reason: 'support' },
      ...{ from: later(hour), to: later(2 * hour) },
    }),
  ],
  ['the effect of a window', '/v1/windows/effect', (targets) => ({ policy, rules: ['ssh-support'], targets })],
  [
    'a waiver',
    '/v1/waivers',
    (targets) => ({ policy, rules: ['ssh-restricted'], targets, reason: 'migration', expiresAt: later(hour) }),
  ],
  ['the effect of a waiver', '/v1/waivers/effect', (targets) => ({ policy, rules: ['ssh-restricted'], targets })],
]

describe.each(requests)('%s', (_, url, bodyOf) => {
  const post = (targets: unknown[]) => service.call('POST', url, { body: bodyOf(targets) })
  const at = url === '/v1/schedules' ? '/audit/targets' : '/targets'

  test('takes external ids beside names', async () => {
    expect((await post([second, reference])).status).toBeLessThan(300)
  })

  test('refuses an external id that no target has, or only a retired one, and names it', async () => {
    await service.call('DELETE', `/v1/targets/${first}`)
    const refused = await post([second, reference])
    expect(refused.status).toBe(422)
    expect(refused.body.errors).toEqual([
      { in: 'body', pointer: `${at}/1`, detail: expect.stringContaining(`no target with the externalId ${ci}:`) },
    ])
  })

  test('refuses an external id that two targets have, and names both', async () => {
    await create(third, ci)
    const refused = await post([reference])
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, `${at}/0`])
    expect(refused.body.detail).toContain(`2 targets have the externalId ${ci}: ${first}, ${third}`)
    expect((await post([first])).status).toBeLessThan(300)
  })

  test('refuses what is no reference, with the pointer to what is wrong', async () => {
    expect((await post([{ externalId: '' }])).body.errors).toMatchObject([{ pointer: `${at}/0/externalId` }])
    expect((await post([{ ...reference, extra: 1 }])).body.errors).toMatchObject([{ pointer: `${at}/0/extra` }])
    expect((await post([reference, reference])).status).toBeGreaterThanOrEqual(400)
  })
})

describe('a target that has another name', () => {
  const rename = async () => {
    await service.call('DELETE', `/v1/targets/${first}`)
    await create(third, ci)
  }

  test('is the one that a schedule, a window and a waiver of its external id are for', async () => {
    const made = new Map<string, string>()
    for (const [, url, bodyOf] of requests.filter(([, url]) => !url.endsWith('/effect') && url !== '/v1/audits')) {
      const { headers } = await service.call('POST', url, { body: bodyOf([reference, second]) })
      made.set(url, String(headers.location))
    }
    await rename()
    const byId = `externalId=${encodeURIComponent(ci)}`
    for (const url of ['/v1/windows', '/v1/waivers']) {
      const { body } = await service.call('GET', made.get(url) ?? '')
      expect(body.targets).toEqual([second, reference])
      for (const filter of [`target=${third}`, byId, `${byId}&target=${third}`])
        expect((await service.call('GET', `${url}?${filter}`)).body.items).toHaveLength(1)
      for (const filter of ['externalId=none', `${byId}&target=lost`])
        expect((await service.call('GET', `${url}?${filter}`)).body.items).toEqual([])
      const effect = await service.call('GET', `${made.get(url)}/effect`)
      expect(effect.body.targets.names).toEqual([third, second].sort())
    }
    const schedule = await service.call('GET', made.get('/v1/schedules') ?? '')
    expect(schedule.body.audit.targets).toEqual([reference, second])
    const { status, body } = await service.call('POST', '/v1/audits', { body: schedule.body.audit })
    expect([status, body.selection.targets]).toEqual([202, 2])
    for (const filter of [`target=${third}`, byId])
      expect((await service.call('GET', `/v1/audits?${filter}`)).body.items).toMatchObject([{ id: body.id }])
    const ledger = await service.call('GET', '/v1/ledger/verify?findings=true')
    expect(ledger.body.verdict).toBe('intact')
  })
})

test('an audit that names a target twice, by its name and its external id, is refused', async () => {
  const { status, body } = await service.call('POST', '/v1/audits', {
    body: { policy, targets: [first, reference] },
  })
  expect([status, body.errors[0]]).toEqual([
    422,
    { in: 'body', pointer: '/targets/1', detail: `target ${first} is listed twice` },
  ])
})

test('a changed reference to targets of a window shows in the ledger', async () => {
  const [, url, bodyOf] = requests[2] ?? ['', '', () => ({})]
  expect((await service.call('POST', url, { body: bodyOf([reference]) })).status).toBe(201)
  const set = (id: string) =>
    service.query(
      `UPDATE access_window SET target_external_ids = ARRAY['${id}'] WHERE target_external_ids = ARRAY['${id === ci ? 'x' : ci}']`,
    )
  const verify = async () => (await service.call('GET', '/v1/ledger/verify?findings=true')).body
  await set('x')
  expect((await verify()).broken).toMatchObject({ kind: 'object' })
  await set(ci)
  expect((await verify()).verdict).toBe('intact')
})

describe('a path with an external id', () => {
  test('is that of the one target that has it', async () => {
    expect((await service.call('GET', path(`other ${run}`))).body.name).toBe(second)
    expect((await service.call('GET', `${path(ci)}/history`)).body.items).toEqual([])
    const changed = await service.call('PATCH', path(ci), { body: { address: '127.0.0.9' } })
    expect(changed.body).toMatchObject({ name: first, address: '127.0.0.9' })
    const replaced = await service.call('PUT', path(ci), { body: { address: '127.0.0.8' } })
    expect([replaced.status, replaced.body]).toMatchObject([200, { ...reference, name: first, labels: {} }])
    expect((await service.call('DELETE', path(ci))).status).toBe(204)
    expect((await service.call('GET', path(ci))).status).toBe(404)
    expect((await service.call('GET', `${path(ci)}/history`)).status).toBe(200)
  })

  test('is refused where no target has it, or several have', async () => {
    await create(third, ci)
    for (const [method, suffix] of [
      ['GET', ''],
      ['GET', '/history'],
      ['PATCH', ''],
      ['PUT', ''],
      ['DELETE', ''],
    ] as const) {
      const call = method.startsWith('P') ? { body: { address: '127.0.0.1' } } : {}
      const none = await service.call(method, `${path('none')}${suffix}`, call)
      expect([none.status, none.body.detail]).toEqual([404, 'there is no target with the externalId none'])
      const both = await service.call(method, `${path(ci)}${suffix}`, call)
      expect([both.status, both.body.detail]).toEqual([409, expect.stringContaining(`${ci}: ${first}, ${third}`)])
    }
  })
})

describe('a key that is limited to other targets', () => {
  test('neither finds a target by its external id, nor learns how many have it', async () => {
    await create(third, ci)
    const scopes = ['audits:run', 'reports:read', 'targets:write']
    const { body } = await service.call('POST', '/v1/keys', {
      body: { name: 'branch', scopes, targets: { labels: { site: 'branch' } } },
    })
    const headers = { authorization: `Bearer ${body.key}` }
    const read = await service.call('GET', path(ci), { headers })
    expect([read.status, read.body.detail]).toEqual([404, `there is no target with the externalId ${ci}`])
    const audit = await service.call('POST', '/v1/audits', { body: { policy, targets: [reference] }, headers })
    expect(audit.body.detail).toContain(`there is no target with the externalId ${ci}`)
    expect(
      (await service.call('GET', `/v1/targets?externalId=${encodeURIComponent(ci)}`, { headers })).body.items,
    ).toEqual([])
  })
})
