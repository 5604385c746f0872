import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PolicyDocument } from '../../../../src/domain/policy/policy.ts'
import { listen } from '../../../support/listen.ts'
import { freePort } from '../../../support/ports.ts'
import { listenForProofs } from '../../../support/proofs.ts'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
let other: string
let proofs: Awaited<ReturnType<typeof listenForProofs>>
beforeAll(async () => {
  service = await startService()
  proofs = await listenForProofs(service)
  other = await service.stores.keys.create('other', ['admin'])
  await service.stores.policies.put(support)
  await service.stores.policies.put({ ...support, name: 'trusting', windows: { selfApproval: true } })
})
afterAll(async () => {
  await proofs.stop()
  await service.stop()
})

/** SSH as the vendor's support needs it, as far as windows go; and a rule that knows no windows. */
const support: PolicyDocument = {
  name: 'support',
  title: 'Support',
  parameters: { exposure: { type: 'port', required: true } },
  rules: ['ssh-support', 'always-closed'].map((id) => ({
    id,
    title: id,
    severity: 'high',
    direction: 'inbound',
    from: ['client'],
    probe: 'tcp',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of a policy
    port: '${exposure}',
    expect: { state: ['closed', 'filtered'] },
    ...(id === 'ssh-support' && { insideWindow: { expect: { state: ['open'] } } }),
  })),
}

const inMs = (ms: number) => new Date(Date.now() + ms).toISOString()
const hourMs = 3_600_000
let made = 0

/** A target with a port that is closed until it is opened. */
async function makeExposure() {
  const name = `exposure-${++made}`
  const port = await freePort()
  await service.stores.targets.save([
    { name, address: '127.0.0.1', params: { exposure: port }, labels: { [name]: 'yes' } },
  ])
  return {
    name,
    port,
    open: () =>
      listen(
        createServer((socket) => socket.on('error', () => {})),
        '127.0.0.1',
        port,
      ),
    async audit() {
      const auditId = await service.accept({ policy: 'support', targets: [name] })
      await service.ended(auditId)
      const { body } = await service.call('GET', `/v1/audits/${auditId}/findings?rule=ssh-support`)
      return { auditId, ...body.items[0] }
    },
  }
}

const relabel = ({ name, port }: { name: string; port: number }, labels: Record<string, string>) =>
  service.stores.targets.save([{ name, address: '127.0.0.1', params: { exposure: port }, labels }])

const windowOf = (targets: unknown, more: object = {}) => ({
  ...{ policy: 'support', rules: ['ssh-support'], from: inMs(0), to: inMs(hourMs) },
  ...{ ticket: 'CHG1', reason: 'an intervention', targets },
  ...more,
})
async function request(targets: unknown, more: object = {}) {
  const response = await service.call('POST', '/v1/windows', { body: windowOf(targets, more) })
  if (response.status !== 201) throw new Error(JSON.stringify(response.body))
  return response.body
}
const act = (id: string, what: 'approve' | 'cancel', key = other) =>
  service.call('POST', `/v1/windows/${id}/${what}`, { key })
const read = async (id: string) => (await service.call('GET', `/v1/windows/${id}`)).body

/** A window after so many reprobes, and the audit of the last. */
async function reprobed(id: string, reprobes = 1) {
  const { reprobeAuditId } = await proofs.proven(id, reprobes)
  return { window: await read(id), audit: (await service.call('GET', `/v1/audits/${reprobeAuditId}`)).body }
}

/** Starts the next reprobe now, without its pause. */
const hurry = (id: string) =>
  service.query(`UPDATE pgboss.job SET start_after = now() WHERE name = 'window-end' AND data->>'windowId' = '${id}'
    AND state IN ('created', 'retry')`)

describe('while a window is open', () => {
  test('its rule expects an open port, and a closed one before and after; the finding names the window', async () => {
    const exposure = await makeExposure()
    const listener = await exposure.open()
    expect(await exposure.audit()).toMatchObject({ result: 'fail', window: null })
    const { id, state } = await request([exposure.name])
    expect(state).toBe('requested')
    expect(await exposure.audit()).toMatchObject({ result: 'fail', window: null })
    expect((await act(id, 'approve')).body).toMatchObject({
      state: 'open',
      approvedBy: other.split('_')[1],
      approvedByName: 'other',
    })
    expect(await exposure.audit()).toMatchObject({ result: 'pass', state: 'open', window: id })
    await listener.close()
    expect(await exposure.audit()).toMatchObject({ result: 'fail', state: 'closed', window: id })
    await act(id, 'cancel')
    expect(await exposure.audit()).toMatchObject({ result: 'pass', state: 'closed', window: null })
  })

  test('the other rules, and other targets, expect what they always do', async () => {
    const [exposure, neighbour] = [await makeExposure(), await makeExposure()]
    const listeners = [await exposure.open(), await neighbour.open()]
    const { id } = await request({ labels: { [exposure.name]: 'yes' } })
    await act(id, 'approve')
    const { auditId } = await exposure.audit()
    const { body } = await service.call('GET', `/v1/audits/${auditId}/findings?rule=always-closed`)
    expect(body.items).toMatchObject([{ result: 'fail', window: null }])
    expect(await neighbour.audit()).toMatchObject({ result: 'fail', window: null })
    await Promise.all(listeners.map((listener) => listener.close()))
  })
})

describe('what an agent saw', () => {
  const leases = '/v1/vantages/branch/leases'
  let key: string
  beforeAll(async () => {
    await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['branch'] } })
    key = (await service.call('POST', '/v1/keys', { body: { name: 'agent', scopes: ['vantage:branch'] } })).body.key
    const rules = support.rules.map((rule) => ({ ...rule, from: ['branch'] }))
    await service.stores.policies.put({ ...support, name: 'far-away', rules: rules.slice(0, 1) })
  })

  test.each([
    ['inside a window and delivers late counts as inside', 'pass', 'closed after it was seen'],
    ['after its end counts as outside', 'fail', 'closed before it was seen'],
  ])('%s', async (_, result, order) => {
    const exposure = await makeExposure()
    const { id } = await request([exposure.name], { policy: 'far-away' })
    await act(id, 'approve')
    const auditId = await service.accept({ policy: 'far-away', targets: [exposure.name] })
    const { body: lease } = await service.call('POST', leases, { key, body: { waitSeconds: 20 } })
    if (order === 'closed before it was seen') await act(id, 'cancel')
    // The end of a window is not of it: it must not come in the same millisecond.
    const observedAt = new Date(Date.now() - (order === 'closed after it was seen' ? 1 : 0)).toISOString()
    if (order === 'closed after it was seen') await act(id, 'cancel')
    const seen = { address: '127.0.0.1', state: 'open', reason: 'tcp-connected', facts: {}, latencyMs: 1, attempts: 1 }
    const observations = [{ check: 0, observedAt, addressResults: [seen] }]
    await service.call('POST', `${leases}/${lease.id}/observations`, { key, body: { online: true, observations } })
    await service.ended(auditId)
    const [finding] = await service.findings(auditId)
    expect(finding).toMatchObject({ result, state: 'open', window: result === 'pass' ? id : null })
    // The reprobe at its end waits for the agent: it must not be in the way of the next test.
    const { body } = await service.call('POST', leases, { key, body: { waitSeconds: 20 } })
    expect(body.id).not.toBe(lease.id)
  })
})

describe.concurrent('at the end of a window', () => {
  test('an audit of its rules and targets starts automatically and proves that the port is closed', async () => {
    const exposure = await makeExposure()
    const { id } = await request([exposure.name], { to: inMs(3_000) })
    await act(id, 'approve')
    const { window, audit } = await reprobed(id)
    expect(audit).toMatchObject({ trigger: `window:${id}`, verdict: 'pass', progress: { done: 1, total: 1 } })
    expect(Date.parse(audit.createdAt)).toBeGreaterThanOrEqual(Date.parse(window.to))
    expect(window).toMatchObject({ state: 'closed', proof: 'closed', reprobes: 1 })
    await hurry(id)
    expect((await exposure.audit()).result).toBe('pass')
    expect(await read(id)).toEqual(window) // it is not probed again
  })

  test('a port that is still open is published as regressed, and probed again until it is closed', async () => {
    const exposure = await makeExposure()
    const listener = await exposure.open()
    const { id } = await request([exposure.name])
    await act(id, 'approve')
    const inside = await exposure.audit()
    expect(inside.result).toBe('pass')
    expect((await act(id, 'cancel')).body.canceledBy).toBe(other.split('_')[1])
    const { window, audit: first } = await reprobed(id)
    expect(first).toMatchObject({ verdict: 'fail', counts: { fail: 1 } })
    expect(window).toMatchObject({ state: 'still-open', proof: 'open' })
    const drift = await service.call(
      'GET',
      `/v1/reports/drift?from=audit:${inside.auditId}&to=audit:${first.id}&rule=ssh-support`,
    )
    expect(drift.body.items).toMatchObject([{ class: 'regressed', target: exposure.name, rule: 'ssh-support' }])
    const history = (await service.walk(`/v1/targets/${exposure.name}/history`)).flat()
    const others = history.filter(({ rule }) => rule === 'always-closed')
    expect(others).toMatchObject([{ result: 'fail', to: null }]) // what was not probed is still in scope

    await listener.close()
    const [next] = await service.query<{ pause: number }>(
      `SELECT extract(epoch FROM start_after - created_on)::float8 AS pause FROM pgboss.job
       WHERE name = 'window-end' AND data->>'windowId' = '${id}' AND (data->>'reprobe')::int = 1`,
    )
    expect(next?.pause).toBeCloseTo(60, 0)
    await hurry(id)
    expect(await reprobed(id, 2)).toMatchObject({ window: { state: 'closed' }, audit: { verdict: 'pass' } })
  })

  test('a target that has lost its label since it was seen inside is probed all the same', async () => {
    const [exposure, other] = [await makeExposure(), await makeExposure()]
    const labels = { moved: exposure.name }
    await relabel(exposure, labels)
    await relabel(other, labels)
    const { id } = await request({ labels })
    await act(id, 'approve')
    const listener = await exposure.open()
    expect(await exposure.audit()).toMatchObject({ window: id })
    await relabel(exposure, {})
    await act(id, 'cancel')
    const { window, audit } = await reprobed(id)
    expect(audit.counts).toMatchObject({ pass: 1, fail: 1 })
    expect(window.state).toBe('still-open')
    await listener.close()
  })

  test('a port that another window keeps open is proven closed only after that one', async () => {
    const exposure = await makeExposure()
    const listener = await exposure.open()
    const { id } = await request([exposure.name])
    await act(id, 'approve')
    await act(id, 'cancel')
    const next = await request([exposure.name])
    await act(next.id, 'approve')
    await reprobed(id)
    await hurry(id)
    expect((await reprobed(id, 2)).window).toMatchObject({ state: 'ended', proof: 'unproven' })
    await listener.close()
    await hurry(id)
    expect((await reprobed(id, 3)).window).toMatchObject({ state: 'ended', proof: 'unproven' })
    await act(next.id, 'cancel')
    await hurry(id)
    expect((await reprobed(id, 4)).window).toMatchObject({ state: 'closed', proof: 'closed' })
  })

  test('a reprobe that is delivered twice makes one audit', async () => {
    const exposure = await makeExposure()
    const { id } = await request([exposure.name])
    await act(id, 'approve')
    await act(id, 'cancel')
    const { audit: first } = await reprobed(id)
    const job = `'{"windowId": "${id}", "reprobe": 0}'`
    await service.query(`INSERT INTO pgboss.job (name, data) VALUES ('window-end', ${job})`)
    await hurry(id)
    await exposure.audit()
    const listed = await service.stores.audits.list({ policy: 'support', limit: 1_000 })
    expect(listed.items.filter(({ trigger }) => trigger === `window:${id}`).map((a) => a.id)).toEqual([first.id])
  })
})

describe('a window', () => {
  test('is not approved by the key that requested it', async () => {
    const { id } = await request([(await makeExposure()).name])
    expect(await act(id, 'approve', service.key)).toMatchObject({ status: 403, body: { title: 'Forbidden' } })
    expect((await read(id)).state).toBe('requested')
  })

  test('is, where its policy allows that', async () => {
    const { id } = await request([(await makeExposure()).name], { policy: 'trusting' })
    expect(await act(id, 'approve', service.key)).toMatchObject({ status: 200, body: { state: 'open' } })
  })

  test('is approved once, and canceled once', async () => {
    const { id } = await request([(await makeExposure()).name], { from: inMs(hourMs), to: inMs(2 * hourMs) })
    expect((await act(id, 'approve')).body.state).toBe('approved')
    expect((await act(id, 'approve')).status).toBe(409)
    expect((await act(id, 'cancel')).body.state).toBe('canceled')
    expect((await act(id, 'cancel')).status).toBe(409)
    expect((await act(id, 'approve')).status).toBe(409)
  })

  test('may not overlap another one of the same rule and target, and may follow it', async () => {
    const exposure = await makeExposure()
    const [start, middle, end] = [inMs(hourMs), inMs(2 * hourMs), inMs(3 * hourMs)]
    const { id } = await request([exposure.name], { from: start, to: middle })
    const overlapping = windowOf({ labels: { [exposure.name]: 'yes' } }, { from: inMs(1.5 * hourMs), to: end })
    const refused = await service.call('POST', '/v1/windows', { body: overlapping })
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/from' }] } })
    expect(refused.body.detail).toContain(id)
    await request([exposure.name], { from: middle, to: end })
    await request([(await makeExposure()).name], { from: start, to: end })
    await act(id, 'cancel')
    await request([exposure.name], { from: start, to: middle })
  })

  test('of two that overlap and are requested concurrently, one is made', async () => {
    const body = windowOf([(await makeExposure()).name])
    const responses = await Promise.all([1, 2, 3].map(() => service.call('POST', '/v1/windows', { body })))
    expect(responses.map(({ status }) => status).toSorted()).toEqual([201, 422, 422])
  })

  test('is made once for an Idempotency-Key, and found in the listing', async () => {
    const body = windowOf([(await makeExposure()).name])
    const headers = { 'idempotency-key': 'a-window' }
    const first = await service.call('POST', '/v1/windows', { body, headers })
    expect((await service.call('POST', '/v1/windows', { body, headers })).body.id).toBe(first.body.id)
    const listed = (await service.walk('/v1/windows?policy=support&limit=2')).flat()
    expect(listed.map(({ id }) => id)).toContain(first.body.id)
  })

  test('is found by its target, its ticket, and each state that it shows', async () => {
    const exposure = await makeExposure()
    const states = ['requested', 'lapsed', 'canceled', 'approved', 'open', 'ended', 'still-open', 'closed']
    const ids = []
    for (const [i, state] of states.entries()) {
      const times = { from: inMs(i * hourMs), to: inMs((i + 1) * hourMs) }
      const { id } = await request(i === 0 ? { labels: { [exposure.name]: 'yes' } } : [exposure.name], times)
      ids.push(id)
      const ran = ['ended', 'still-open', 'closed'].includes(state)
      const proof = { 'still-open': "'open'", closed: "'closed'" }[state] ?? 'NULL'
      await service.query(`UPDATE access_window SET ticket = '${exposure.name}', proof = ${proof},
        from_at = from_at - interval '${ran || state === 'lapsed' || state === 'open' ? i + 2 : 0} hours',
        to_at = to_at - interval '${ran || state === 'lapsed' ? i + 2 : 0} hours',
        approved_at = ${ran || state === 'open' || state === 'approved' ? "now() - interval '1 day'" : 'NULL'},
        canceled_at = ${state === 'canceled' ? 'now()' : 'NULL'} WHERE id = '${id}'`)
    }
    for (const query of [`target=${exposure.name}`, `ticket=${exposure.name}&rule=ssh-support`]) {
      const found = (await service.walk(`/v1/windows?${query}&limit=3`)).flat()
      expect(found.map(({ id }) => id)).toEqual(ids.toReversed())
      expect(found.map(({ state }) => state)).toEqual(states.toReversed())
    }
    expect((await service.walk(`/v1/windows?ticket=${exposure.name}&rule=always-closed`)).flat()).toEqual([])
    for (const [i, state] of states.entries()) {
      const found = (await service.walk(`/v1/windows?ticket=${exposure.name}&state=${state}`)).flat()
      expect(found.map(({ id }) => id)).toEqual([ids[i]])
    }
  })

  test.each([
    ['an unknown policy', { policy: 'none' }, '/policy'],
    ['an unknown rule', { rules: ['none'] }, '/rules/0'],
    ['a rule that knows no windows', { rules: ['ssh-support', 'always-closed'] }, '/rules/1'],
    ['an unknown target', { targets: ['none'] }, '/targets/0'],
    ['a start in the past', { from: inMs(-hourMs) }, '/from'],
    ['an end in the past', { from: inMs(-2 * hourMs), to: inMs(-hourMs) }, '/to'],
    ['an end before its start', { from: inMs(2 * hourMs), to: inMs(hourMs) }, '/to'],
    ['more than seven days', { to: inMs(8 * 24 * hourMs) }, '/to'],
    ['a parameter that is none', { params: { exposure: 'wide' } }, '/params/exposure'],
  ])('is refused with %s', async (_, wrong, pointer) => {
    const body = windowOf([(await makeExposure()).name], wrong)
    const response = await service.call('POST', '/v1/windows', { body })
    expect(response.status).toBe(422)
    expect(response.body.errors).toEqual([{ in: 'body', pointer, detail: expect.any(String) }])
  })

  test.each([
    ['no end', { to: undefined }, '/to'],
    ['an endless one', { to: null }, '/to'],
    ['no ticket', { ticket: undefined }, '/ticket'],
  ])('is refused as malformed with %s', async (_, wrong, pointer) => {
    const response = await service.call('POST', '/v1/windows', { body: windowOf(['x'], wrong) })
    expect(response).toMatchObject({ status: 400, body: { errors: [{ pointer }] } })
  })

  test('that is not there is not found', async () => {
    const id = '019b7600-0000-7000-8000-000000000000'
    expect((await act(id, 'approve')).status).toBe(404)
    expect((await act(id, 'cancel')).status).toBe(404)
    expect((await service.call('GET', `/v1/windows/${id}`)).status).toBe(404)
  })
})
