import { once } from 'node:events'
import { createServer } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PolicyDocument } from '../../src/domain/policy.ts'
import { auditChannel } from '../../src/store/audits.ts'
import { listen } from '../support/listen.ts'
import { freePort } from '../support/ports.ts'
import { startService, type TestService } from '../support/service.ts'

let service: TestService
let other: string
let audits: pg.Client
beforeAll(async () => {
  service = await startService()
  audits = new pg.Client(service.url)
  await audits.connect()
  await audits.query(`LISTEN ${auditChannel}`)
  other = await service.stores.keys.create('other', ['admin'])
  await service.stores.policies.put(support)
  await service.stores.policies.put({ ...support, name: 'trusting', windows: { selfApproval: true } })
})
afterAll(async () => {
  await audits.end()
  await service.stop()
})

/** SSH as the vendor's support needs it, as far as windows go; and a rule that knows no windows. */
const support: PolicyDocument = {
  name: 'support',
  title: 'Support',
  parameters: { door: { type: 'port', required: true } },
  rules: ['ssh-support', 'always-shut'].map((id) => ({
    id,
    title: id,
    severity: 'high',
    direction: 'inbound',
    from: ['client'],
    probe: 'tcp',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of a policy
    port: '${door}',
    expect: { state: ['closed', 'filtered'] },
    ...(id === 'ssh-support' && { insideWindow: { expect: { state: ['open'] } } }),
  })),
}

const inMs = (ms: number) => new Date(Date.now() + ms).toISOString()
const hourMs = 3_600_000
let made = 0

/** A target with a door that is shut until it is opened. */
async function makeDoor() {
  const name = `door-${++made}`
  const port = await freePort()
  await service.stores.targets.save([{ name, address: '127.0.0.1', params: { door: port }, labels: { [name]: 'yes' } }])
  return {
    name,
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

const windowOf = (targets: unknown, more: object = {}) => ({
  ...{ policy: 'support', rules: ['ssh-support'], from: inMs(0), to: inMs(hourMs) },
  ...{ ticket: 'CHG1', reason: 'an intervention', targets },
  ...more,
})
async function request(targets: unknown, more: object = {}) {
  const answer = await service.call('POST', '/v1/windows', { body: windowOf(targets, more) })
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
  return answer.body
}
const act = (id: string, what: 'approve' | 'cancel', key = other) =>
  service.call('POST', `/v1/windows/${id}/${what}`, { key })
const read = async (id: string) => (await service.call('GET', `/v1/windows/${id}`)).body

/** The audit after the end of a window, when it has ended; an end is told by the database. */
async function reprobed(id: string, number = 1) {
  for (;;) {
    const told = once(audits, 'notification')
    const [row] = await service.query<{ reprobes: number; audit: string }>(
      `SELECT reprobes, reprobe_audit_id AS audit FROM access_window WHERE id = '${id}'`,
    )
    if (row && row.reprobes >= number) return service.ended(row.audit)
    await told
  }
}

/** Lets the look come now that would come after the pause. */
const hurry = (id: string) =>
  service.query(`UPDATE pgboss.job SET start_after = now() WHERE name = 'window-end' AND data->>'windowId' = '${id}'
    AND state IN ('created', 'retry')`)

describe('while a window is open', () => {
  test('its rule expects an open door, and shut before and after; the finding names the window', async () => {
    const door = await makeDoor()
    const listener = await door.open()
    expect(await door.audit()).toMatchObject({ result: 'fail', window: null })
    const { id, state } = await request([door.name])
    expect(state).toBe('requested')
    expect(await door.audit()).toMatchObject({ result: 'fail', window: null })
    expect((await act(id, 'approve')).body).toMatchObject({ state: 'open', approvedBy: other.split('_')[1] })
    expect(await door.audit()).toMatchObject({ result: 'pass', state: 'open', window: id })
    await listener.close()
    expect(await door.audit()).toMatchObject({ result: 'fail', state: 'closed', window: id })
    await act(id, 'cancel')
    expect(await door.audit()).toMatchObject({ result: 'pass', state: 'closed', window: null })
  })

  test('the other rules, and other targets, expect what they always do', async () => {
    const [door, neighbour] = [await makeDoor(), await makeDoor()]
    const listeners = [await door.open(), await neighbour.open()]
    const { id } = await request({ labels: { [door.name]: 'yes' } })
    await act(id, 'approve')
    const { auditId } = await door.audit()
    const { body } = await service.call('GET', `/v1/audits/${auditId}/findings?rule=always-shut`)
    expect(body.items).toMatchObject([{ result: 'fail', window: null }])
    expect(await neighbour.audit()).toMatchObject({ result: 'fail', window: null })
    await Promise.all(listeners.map((listener) => listener.close()))
  })
})

describe('at the end of a window', () => {
  test('an audit of its rules and targets runs by itself and proves that the door is shut', async () => {
    const door = await makeDoor()
    const { id } = await request([door.name], { to: inMs(1_500) })
    await act(id, 'approve')
    const audit = await reprobed(id)
    expect(audit).toMatchObject({ trigger: `window:${id}`, verdict: 'pass', progress: { done: 1, total: 1 } })
    expect(Date.parse(audit.createdAt)).toBeGreaterThanOrEqual(Date.parse((await read(id)).to))
    expect(await read(id)).toMatchObject({ state: 'closed', reprobe: audit.id })
    await hurry(id)
    expect((await door.audit()).result).toBe('pass')
    expect((await read(id)).reprobe).toBe(audit.id) // it is not looked again
  })

  test('a door that is still open is told as regressed, and looked at again until it is shut', async () => {
    const door = await makeDoor()
    const listener = await door.open()
    const { id } = await request([door.name])
    await act(id, 'approve')
    const inside = await door.audit()
    expect(inside.result).toBe('pass')
    expect((await act(id, 'cancel')).body.canceledBy).toBe(other.split('_')[1])
    const first = await reprobed(id)
    expect(first).toMatchObject({ verdict: 'fail', counts: { fail: 1 } })
    expect((await read(id)).state).toBe('still-open')
    const drift = await service.call(
      'GET',
      `/v1/reports/drift?from=audit:${inside.auditId}&to=audit:${first.id}&rule=ssh-support`,
    )
    expect(drift.body.items).toMatchObject([{ class: 'regressed', target: door.name, rule: 'ssh-support' }])

    await listener.close()
    const [next] = await service.query<{ pause: number }>(
      `SELECT extract(epoch FROM start_after - created_on)::float8 AS pause FROM pgboss.job
       WHERE name = 'window-end' AND data->>'windowId' = '${id}' AND (data->>'look')::int = 1`,
    )
    expect(next?.pause).toBeCloseTo(60, 0)
    await hurry(id)
    expect(await reprobed(id, 2)).toMatchObject({ verdict: 'pass' })
    expect((await read(id)).state).toBe('closed')
  })

  test('a look that is delivered twice makes one audit', async () => {
    const door = await makeDoor()
    const { id } = await request([door.name])
    await act(id, 'approve')
    await act(id, 'cancel')
    const first = await reprobed(id)
    const job = `'{"windowId": "${id}", "look": 0}'`
    await service.query(`INSERT INTO pgboss.job (name, data) VALUES ('window-end', ${job})`)
    await hurry(id)
    await door.audit()
    const listed = await service.stores.audits.list({ policy: 'support', limit: 1_000 })
    expect(listed.items.filter(({ trigger }) => trigger === `window:${id}`).map((a) => a.id)).toEqual([first.id])
  })
})

describe('a window', () => {
  test('is not approved by the key that asked for it', async () => {
    const { id } = await request([(await makeDoor()).name])
    expect(await act(id, 'approve', service.key)).toMatchObject({ status: 403, body: { title: 'Forbidden' } })
    expect((await read(id)).state).toBe('requested')
  })

  test('is, where its policy allows that', async () => {
    const { id } = await request([(await makeDoor()).name], { policy: 'trusting' })
    expect(await act(id, 'approve', service.key)).toMatchObject({ status: 200, body: { state: 'open' } })
  })

  test('is approved once, and canceled once', async () => {
    const { id } = await request([(await makeDoor()).name], { from: inMs(hourMs), to: inMs(2 * hourMs) })
    expect((await act(id, 'approve')).body.state).toBe('approved')
    expect((await act(id, 'approve')).status).toBe(409)
    expect((await act(id, 'cancel')).body.state).toBe('canceled')
    expect((await act(id, 'cancel')).status).toBe(409)
    expect((await act(id, 'approve')).status).toBe(409)
  })

  test('may not overlap another one of the same rule and target, and may follow it', async () => {
    const door = await makeDoor()
    const [start, middle, end] = [inMs(hourMs), inMs(2 * hourMs), inMs(3 * hourMs)]
    const { id } = await request([door.name], { from: start, to: middle })
    const overlapping = windowOf({ labels: { [door.name]: 'yes' } }, { from: inMs(1.5 * hourMs), to: end })
    const refused = await service.call('POST', '/v1/windows', { body: overlapping })
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/from' }] } })
    expect(refused.body.detail).toContain(id)
    await request([door.name], { from: middle, to: end })
    await request([(await makeDoor()).name], { from: start, to: end })
    await act(id, 'cancel')
    await request([door.name], { from: start, to: middle })
  })

  test('of two that overlap and are asked for at once, one is made', async () => {
    const body = windowOf([(await makeDoor()).name])
    const answers = await Promise.all([1, 2, 3].map(() => service.call('POST', '/v1/windows', { body })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 422, 422])
  })

  test('is made once for an Idempotency-Key, and found in the listing', async () => {
    const body = windowOf([(await makeDoor()).name])
    const headers = { 'idempotency-key': 'a-window' }
    const first = await service.call('POST', '/v1/windows', { body, headers })
    expect((await service.call('POST', '/v1/windows', { body, headers })).body.id).toBe(first.body.id)
    const listed = (await service.walk('/v1/windows?policy=support&over=false&limit=2')).flat()
    expect(listed.map(({ id }) => id)).toContain(first.body.id)
    const over = (await service.walk('/v1/windows?over=true&limit=2')).flat()
    expect(over.map(({ id }) => id)).not.toContain(first.body.id)
  })

  test.each([
    ['an unknown policy', { policy: 'none' }, '/policy'],
    ['an unknown rule', { rules: ['none'] }, '/rules/0'],
    ['a rule that knows no windows', { rules: ['ssh-support', 'always-shut'] }, '/rules/1'],
    ['an unknown target', { targets: ['none'] }, '/targets/0'],
    ['a start in the past', { from: inMs(-hourMs) }, '/from'],
    ['an end in the past', { from: inMs(-2 * hourMs), to: inMs(-hourMs) }, '/to'],
    ['an end before its start', { from: inMs(2 * hourMs), to: inMs(hourMs) }, '/to'],
    ['more than seven days', { to: inMs(8 * 24 * hourMs) }, '/to'],
    ['a parameter that is none', { params: { door: 'wide' } }, '/params/door'],
  ])('is refused with %s', async (_, wrong, pointer) => {
    const body = windowOf([(await makeDoor()).name], wrong)
    const answer = await service.call('POST', '/v1/windows', { body })
    expect(answer.status).toBe(422)
    expect(answer.body.errors).toEqual([{ in: 'body', pointer, detail: expect.any(String) }])
  })

  test.each([
    ['no end', { to: undefined }, '/to'],
    ['an endless one', { to: null }, '/to'],
    ['no ticket', { ticket: undefined }, '/ticket'],
  ])('is refused as malformed with %s', async (_, wrong, pointer) => {
    const answer = await service.call('POST', '/v1/windows', { body: windowOf(['x'], wrong) })
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer }] } })
  })

  test('that is not there is not found', async () => {
    const id = '019b7600-0000-7000-8000-000000000000'
    expect((await act(id, 'approve')).status).toBe(404)
    expect((await act(id, 'cancel')).status).toBe(404)
    expect((await service.call('GET', `/v1/windows/${id}`)).status).toBe(404)
  })
})
