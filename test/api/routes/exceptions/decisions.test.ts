import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey } from '../../../../src/operations/access/create-key.ts'
import { approveWaiver } from '../../../../src/operations/exceptions/decide-waiver.ts'
import { approveWindow, rejectWindow } from '../../../../src/operations/exceptions/decide-window.ts'
import { listenSilently } from '../../../support/app.ts'
import type { Listening } from '../../../support/listen.ts'
import { startService, type TestService } from '../../../support/service.ts'
import { exposures } from '../../../support/teams.ts'

let service: TestService
let open: Listening
let ann: string
let bob: string
beforeAll(async () => {
  ;[service, open] = await Promise.all([startService(), listenSilently()])
  await service.call('PUT', '/v1/policies/exposures', { body: exposures })
  ann = await service.stores.keys.create('Ann', ['admin'])
  bob = await service.stores.keys.create('Bob', ['windows:approve', 'waivers:approve'])
  const params = { openPort: open.port, closedPort: open.port }
  for (const name of ['epp-1', 'epp-2', 'epp-3'])
    await service.stores.targets.save([{ name, address: '127.0.0.1', labels: { site: 'hq' }, params }])
  await service.ended(await service.accept({ policy: 'exposures', targets: ['epp-1', 'epp-2', 'epp-3'] }))
})
afterAll(() => Promise.all([service?.stop(), open?.close()]))

const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
const about = { policy: 'exposures', rules: ['must-be-unreachable'] }
let hour = 1
const bodyOf = {
  windows: () => ({
    ...about,
    targets: ['epp-1'],
    ticket: 'CHG1',
    reason: 'support',
    from: inHours(hour),
    to: inHours(++hour),
  }),
  waivers: () => ({ ...about, targets: ['epp-1'], ticket: 'CHG2', reason: 'the move', expiresAt: inHours(24) }),
}
type Kind = keyof typeof bodyOf
async function request(kind: Kind, key = ann): Promise<string> {
  const { status, body } = await service.call('POST', `/v1/${kind}`, { key, body: bodyOf[kind]() })
  expect(status).toBe(201)
  return body.id
}
const act = (kind: Kind, id: string, what: string, { key = bob, reason }: { key?: string; reason?: string } = {}) =>
  service.call('POST', `/v1/${kind}/${id}/${what}`, { key, ...(reason && { body: { reason } }) })
const read = async (kind: Kind, id: string, key = bob) => (await service.call('GET', `/v1/${kind}/${id}`, { key })).body
const newestEntry = async (subject: string) => (await service.stores.ledger.list({ subject, limit: 1 })).items[0]

describe('the effect', () => {
  const hq = { ...about, targets: { labels: { site: 'hq' } } }
  const resultsOf = (body: { findings: { items: { before: object; after: object }[] } }) =>
    body.findings.items.map(({ before, after }) => [before, after])

  test('of the draft of a window: rules with ports, findings that change, the score without and with it', async () => {
    const { status, body } = await service.call('POST', '/v1/windows/effect', { body: hq, key: ann })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      targets: { count: 3, names: ['epp-1', 'epp-2', 'epp-3'] },
      rules: [{ id: 'must-be-unreachable', from: ['client'], ports: [open.port], targets: 3, inside: ['open'] }],
      findings: { count: 3, changed: 3 },
    })
    const [fail, pass] = [
      { result: 'fail', waived: false },
      { result: 'pass', waived: false },
    ]
    expect(resultsOf(body)).toEqual([
      [fail, pass],
      [fail, pass],
      [fail, pass],
    ])
    expect([body.before.counts.fail, body.after.counts.fail]).toEqual([3, 0])
    expect([body.before.score, body.after.score]).toEqual([0.5, 1])
  })

  test('of the draft of a waiver: failures that it accepts, and no better score', async () => {
    const { body } = await service.call('POST', '/v1/waivers/effect', { body: { ...hq, limit: 1 }, key: ann })
    expect(body).toMatchObject({ targets: { count: 3, names: ['epp-1'] }, findings: { count: 3, changed: 3 } })
    expect(body.findings.items).toHaveLength(1)
    expect([body.before.waived, body.after.waived, body.after.score - body.before.score]).toEqual([0, 3, 0])
  })

  test('of a waiver in force is what would be without it', async () => {
    const { body } = await service.call('POST', '/v1/waivers', {
      key: ann,
      body: { ...bodyOf.waivers(), targets: ['epp-2'] },
    })
    await act('waivers', body.id, 'approve')
    const { body: effect } = await service.call('GET', `/v1/waivers/${body.id}/effect`, { key: bob })
    expect(effect).toMatchObject({ findings: { changed: 1 } })
    expect(effect.after.waived - effect.before.waived).toBe(1)
    await act('waivers', body.id, 'revoke')
  })

  test('of a window whose targets and rules are gone is nothing', async () => {
    const id = await request('windows')
    await service.query(`UPDATE access_window SET target_names = '{gone}', rules = '{gone}' WHERE id = '${id}'`)
    const { status, body } = await service.call('GET', `/v1/windows/${id}/effect`, { key: bob })
    expect([status, body.targets.count, body.rules, body.findings.count]).toEqual([200, 0, [], 0])
    expect(body.before).toEqual(body.after)
  })

  test.each([
    ['windows', { ...about, rules: ['must-be-open'], targets: ['epp-1'] }, '/rules/0'],
    ['windows', { ...about, policy: 'none', targets: ['epp-1'] }, '/policy'],
    ['waivers', { ...about, targets: ['none'] }, '/targets/0'],
  ])('of %s that cannot be requested is refused', async (kind, body, pointer) => {
    const response = await service.call('POST', `/v1/${kind}/effect`, { body, key: ann })
    expect(response).toMatchObject({ status: 422, body: { errors: [{ pointer }] } })
  })
})

describe.each<Kind>(['windows', 'waivers'])('a decision about one of the %s', (kind) => {
  test('rejects it for ever, with a reason and the name of who rejected it', async () => {
    const id = await request(kind)
    expect((await act(kind, id, 'reject')).status).toBe(400)
    const { status, body } = await act(kind, id, 'reject', { reason: 'Not without the vendor' })
    expect([status, body]).toMatchObject([
      200,
      {
        ...{ state: 'rejected', rejectedByName: 'Bob', decisionReason: 'Not without the vendor', approvedBy: null },
        ...{ rejectedAt: expect.any(String), [kind === 'windows' ? 'canceledBy' : 'revokedBy']: null },
      },
    ])
    const end = kind === 'windows' ? 'cancel' : 'revoke'
    for (const [what, reason] of [['approve'], ['reject', 'x'], [end]] as const)
      expect((await act(kind, id, what, { key: service.key, ...(reason && { reason }) })).status).toBe(409)
    const found = (await service.walk(`/v1/${kind}?state=rejected`)).flat()
    expect(found.map((one) => one.id)).toEqual([id])
    expect(await newestEntry(id)).toMatchObject({
      ...{ action: `${kind.slice(0, -1)}.reject`, actor: bob.split('_')[1] },
      payload: { name: 'Bob', reason: 'Not without the vendor' },
    })
  })

  test('may say why it approves, and is recorded with the name', async () => {
    const id = await request(kind)
    const { body } = await act(kind, id, 'approve', { reason: 'The vendor is on site' })
    expect(body).toMatchObject({ approvedByName: 'Bob', decisionReason: 'The vendor is on site' })
    expect((await newestEntry(id))?.payload).toMatchObject({ name: 'Bob', reason: 'The vendor is on site' })
  })

  test('is made once by two who decide at the same time', async () => {
    const id = await request(kind)
    const responses = await Promise.all([
      act(kind, id, 'approve'),
      act(kind, id, 'reject', { key: service.key, reason: 'no' }),
      act(kind, id, 'approve', { key: service.key }),
    ])
    expect(responses.map(({ status }) => status).toSorted()).toEqual([200, 409, 409])
    const { items } = await service.stores.ledger.list({ subject: id, limit: 9 })
    expect(items).toHaveLength(2)
  })

  test('is refused to the requester, and each reader learns whether it may decide', async () => {
    const id = await request(kind)
    expect((await act(kind, id, 'reject', { key: ann, reason: 'x' })).status).toBe(403)
    expect((await read(kind, id, ann)).decisionRefusal).toMatch(/requester .* cannot decide/)
    const reader = await service.stores.keys.create('reader', ['reports:read'])
    expect((await read(kind, id, reader)).decisionRefusal).toMatch(/needs the scope/)
    expect((await read(kind, id)).decisionRefusal).toBeNull()
    await act(kind, id, 'approve')
    expect((await read(kind, id)).decisionRefusal).toMatch(/is (approved|active)/)
  })

  test('is refused for a request that has expired', async () => {
    const id = await request(kind)
    const table =
      kind === 'windows' ? "access_window SET from_at = now() - interval '2 h', to_at" : 'waiver SET expires_at'
    await service.query(`UPDATE ${table} = now() - interval '1 h' WHERE id = '${id}'`)
    expect((await act(kind, id, 'approve')).status).toBe(409)
    expect((await act(kind, id, 'reject', { reason: 'x' })).status).toBe(409)
  })
})

test('a person at an issuer decides no request of an own key, nor a key of it that of the person or of another key', async () => {
  const keyBy = async (actor: string) => {
    const { id } = await createKey(
      service,
      { name: 'made', scopes: ['admin'], targetScope: {}, expiresAt: null },
      { actor },
    )
    return id
  }
  const first = await keyBy('oidc:ann')
  const second = await keyBy(first)
  const foreign = await keyBy('oidc:eve')
  const of = async (requestedBy: string) => {
    const id = await request('windows')
    await service.query(`UPDATE access_window SET requested_by = '${requestedBy}' WHERE id = '${id}'`)
    return id
  }
  for (const [requester, decider] of [
    ['oidc:ann', first],
    [first, 'oidc:ann'],
    [first, second],
    [second, 'oidc:ann'],
  ] as const) {
    const decision = { id: await of(requester), actor: decider, now: new Date() }
    await expect(approveWindow(service, decision)).rejects.toThrow('of the same person')
    await expect(rejectWindow(service, { ...decision, reason: 'x' })).rejects.toThrow('of the same person')
    await approveWindow(service, { ...decision, actor: foreign })
  }
  await approveWindow(service, { id: await of('oidc:ann'), actor: 'oidc:eve', now: new Date() })
  const waiver = await request('waivers')
  await service.query(`UPDATE waiver SET requested_by = '${first}' WHERE id = '${waiver}'`)
  await expect(approveWaiver(service, { id: waiver, actor: second, now: new Date() })).rejects.toThrow('same person')
  expect((await service.call('GET', '/v1/keys')).body.items).toEqual(
    expect.arrayContaining([expect.objectContaining({ id: second, createdBy: first, createdByName: 'made' })]),
  )
})

test('requests are found by their ticket, and by when they end', async () => {
  const id = await request('waivers')
  const found = async (query: string) =>
    (await service.walk(`/v1/waivers?ticket=CHG2&${query}`)).flat().map((one) => one.id)
  expect(await found(`expiresBefore=${inHours(25)}`)).toContain(id)
  expect(await found(`expiresBefore=${inHours(23)}`)).not.toContain(id)
  const window = await request('windows')
  const { to } = await read('windows', window)
  const before = async (time: string) =>
    (await service.walk(`/v1/windows?expiresBefore=${time}`)).flat().map((one) => one.id)
  expect(await before(new Date(Date.parse(to) + 1).toISOString())).toContain(window)
  expect(await before(to)).not.toContain(window)
})
