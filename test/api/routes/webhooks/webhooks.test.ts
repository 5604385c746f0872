import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { publish } from '../../../../src/operations/events/publish.ts'
import { recordRuns, recordWaitingRun } from '../../../../src/operations/schedules/record-runs.ts'
import { publishPresence } from '../../../../src/operations/vantages/presence.ts'
import type { ScheduleRun } from '../../../../src/store/inventory/schedules.ts'
import { listenSilently, ports } from '../../../support/app.ts'
import type { Listening } from '../../../support/listen.ts'
import { freePort, patienceMs } from '../../../support/ports.ts'
import { type Receiver, startReceiver, verify } from '../../../support/receiver.ts'
import { startService, type TestService } from '../../../support/service.ts'

const patiently = { timeout: patienceMs, interval: 50 }
let api: TestService
let open: Listening
let receiver: Receiver
const receivers: Receiver[] = []

beforeAll(async () => {
  // The last try comes so late that a receiver that is down on purpose is back before it.
  const env = { PORTWARDEN_WEBHOOK_RETRY_SECONDS: '1,1,30', PORTWARDEN_WEBHOOK_TIMEOUT_MS: '2000' }
  api = await startService({ env })
  open = await listenSilently()
})
afterEach(async () => {
  for (const one of receivers.splice(0)) await one.close()
})
afterAll(async () => {
  await api?.stop()
  await open?.close()
})

const start = async () => {
  receiver = await startReceiver()
  receivers.push(receiver)
  return receiver
}
const create = async (more: object = {}) => {
  const body = { url: receiver?.url, events: ['audit.completed'], ...more }
  const response = await api.call('POST', '/v1/webhooks', { body })
  expect(response.status, JSON.stringify(response.body)).toBe(201)
  return response.body as { id: string; secret: string }
}
const audit = async (more: object = {}) => {
  const params = { openPort: open.port, closedPort: await freePort() }
  const targets = [{ name: 'host', address: '127.0.0.1' }]
  const body = { policy: 'ports', targets, params, ...more }
  const response = await api.call('POST', '/v1/audits', { body, headers: { prefer: 'wait=15' } })
  expect(response.status, JSON.stringify(response.body)).toBe(200)
  return response.body
}
const deliveries = async (id: string, query = '') =>
  (await api.call('GET', `/v1/webhooks/${id}/deliveries${query}`)).body.items
/** The newest delivery of a webhook, as soon as it is so. */
const newest = (id: string, isSo: (delivery: { status: string; attempts: number }) => boolean) =>
  vi.waitUntil(async () => (await deliveries(id)).slice(0, 1).find(isSo), patiently)
const settled = (id: string, wanted: string) => newest(id, ({ status }) => status === wanted)
/** Lets the next try come now. */
const hurry = async (id: string) => {
  await api.query(`UPDATE webhook_delivery SET next_at = now() WHERE webhook_id = '${id}' AND status = 'waiting'`)
  await api.transaction((_, tx) => api.enqueueDelivery(tx, id))
}

describe('a webhook', () => {
  test('receives the end of an audit, signed by its secret', async () => {
    await start()
    const { id, secret } = await create()
    const { status: _, ...ended } = await audit({ correlationId: 'CHG1' })
    const [received] = await receiver.came(1)
    if (!received) throw new Error('nothing came')
    expect(verify(secret, received)).toMatchObject({
      type: 'audit.completed',
      data: { audit: { ...ended, status: 'completed', correlationId: 'CHG1' } },
    })
    expect(() => verify('whsec_c2VjcmV0', received)).toThrow(/signature/)
    expect(received.headers['content-type']).toBe('application/json')
    const delivery = await settled(id, 'delivered')
    expect(delivery).toMatchObject({ attempts: 1, messageId: received.headers['webhook-id'], nextAttemptAt: null })
    expect(delivery.lastAttempt).toMatchObject({ httpStatus: 204, error: null })
    await api.call('DELETE', `/v1/webhooks/${id}`)
  })

  test('shows its secret once, and keeps it sealed', async () => {
    await start()
    const { id, secret } = await create({ authorization: 'Basic dXNlcjpwYXNz' })
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    const { body, headers } = await api.call('GET', `/v1/webhooks/${id}`)
    expect(body).toMatchObject({ id, hasAuthorization: true, enabled: true, format: 'standard' })
    expect(headers.etag).toMatch(/^".+"$/)
    const list = await api.call('GET', '/v1/webhooks')
    const rows = await api.query<{ row: string }>(`SELECT w::text || encode(secret, 'escape') AS row FROM webhook w`)
    for (const text of [JSON.stringify(body), JSON.stringify(list.body), JSON.stringify(rows)]) {
      expect(text).not.toContain(secret.slice(6))
      expect(text).not.toContain('dXNlcjpwYXNz')
    }
    await api.call('POST', `/v1/webhooks/${id}/ping`)
    expect((await receiver.came(1))[0]?.headers.authorization).toBe('Basic dXNlcjpwYXNz')
    await api.call('DELETE', `/v1/webhooks/${id}`)
    expect((await api.call('GET', `/v1/webhooks/${id}`)).status).toBe(404)
  })

  test('is made once for an Idempotency-Key; the secret is not said again', async () => {
    await start()
    const body = { url: receiver.url, events: ['audit.completed'] }
    const headers = { 'idempotency-key': 'hook' }
    const first = await api.call('POST', '/v1/webhooks', { body, headers })
    const second = await api.call('POST', '/v1/webhooks', { body, headers })
    expect(second.body).toEqual({ ...first.body, secret: null })
    const other = await api.call('POST', '/v1/webhooks', { body: { ...body, description: 'x' }, headers })
    expect(other.status).toBe(422)
    await api.call('DELETE', `/v1/webhooks/${first.body.id}`)
  })

  test('whose receiver is gone is disabled, and can be enabled again', async () => {
    await start()
    receiver.behave(() => 410)
    const { id } = await create()
    await api.call('POST', `/v1/webhooks/${id}/ping`)
    await settled(id, 'dead')
    const { body } = await api.call('GET', `/v1/webhooks/${id}`)
    expect(body).toMatchObject({ enabled: false, disabledReason: expect.stringContaining('410') })
    const { items } = (await api.call('GET', '/v1/ledger?limit=1')).body
    expect(items).toMatchObject([{ actor: 'system', action: 'webhook.disable', subject: id }])
    expect((await api.call('POST', `/v1/webhooks/${id}/ping`)).status).toBe(409)
    await audit()
    receiver.behave(() => 204)
    const enabled = await api.call('PATCH', `/v1/webhooks/${id}`, { body: { enabled: true } })
    expect(enabled.body).toMatchObject({ enabled: true, disabledReason: null })
    await api.call('POST', `/v1/webhooks/${id}/ping`)
    expect((await receiver.came(2))[1]?.body.type).toBe('ping')
    await api.call('DELETE', `/v1/webhooks/${id}`)
  })

  test('has two signatures while a rotation overlaps, and then one', async () => {
    await start()
    const { id, secret } = await create()
    const rotated = await api.call('POST', `/v1/webhooks/${id}/rotate-secret`, { body: { overlapSeconds: 600 } })
    expect(rotated.status).toBe(200)
    await api.call('POST', `/v1/webhooks/${id}/ping`)
    const [both] = await receiver.came(1)
    if (!both) throw new Error('nothing came')
    expect(verify(secret, both)).toEqual(verify(rotated.body.secret, both))
    const last = await api.call('POST', `/v1/webhooks/${id}/rotate-secret`, { body: { overlapSeconds: 0 } })
    await api.call('POST', `/v1/webhooks/${id}/ping`)
    const one = (await receiver.came(2))[1]
    if (!one) throw new Error('nothing came')
    expect(verify(last.body.secret, one)).toMatchObject({ type: 'ping' })
    for (const old of [secret, rotated.body.secret]) expect(() => verify(old, one)).toThrow(/signature/)
    const plain = await api.call('POST', `/v1/webhooks/${id}/rotate-secret`)
    expect([plain.status, Date.parse(plain.body.previousSecretUntil) > Date.now() + 86_000_000]).toEqual([200, true])
    await api.call('DELETE', `/v1/webhooks/${id}`)
  })

  test('does not receive what its filter excludes', async () => {
    await start()
    const other = await create({ filter: { policies: ['another'] } })
    const labelled = await create({ filter: { labels: { site: 'hq' } } })
    await audit({ targets: [{ name: 'elsewhere', address: '127.0.0.1', labels: { site: 'branch' } }] })
    await audit({ targets: [{ name: 'at-hq', address: '127.0.0.1', labels: { site: 'hq', room: '1' } }] })
    await settled(labelled.id, 'delivered')
    expect(await deliveries(labelled.id)).toHaveLength(1)
    expect(await deliveries(other.id)).toHaveLength(0)
    for (const { id } of [other, labelled]) await api.call('DELETE', `/v1/webhooks/${id}`)
  })

  test.each([
    ['the metadata service', 'https://169.254.169.254/latest', 'PORTWARDEN_WEBHOOK_ALLOW'],
    ['an address that is not allowed', 'https://192.0.2.1/', 'PORTWARDEN_WEBHOOK_ALLOW'],
    ['another machine over plain HTTP', 'http://10.0.0.1/', 'https'],
    ['a password in the URL', 'https://user:secret@localhost/', 'password'],
  ])('cannot lead to %s', async (_, url, expected) => {
    const body = { url, events: ['audit.completed'] }
    const { status, body: problem } = await api.call('POST', '/v1/webhooks', { body })
    expect(status).toBe(422)
    expect(problem.errors[0]).toMatchObject({ pointer: '/url', detail: expect.stringContaining(expected) })
  })

  test('is changed only by who knows its newest state', async () => {
    await start()
    const { id } = await create()
    const { headers } = await api.call('GET', `/v1/webhooks/${id}`)
    const etag = headers.etag ?? ''
    const change = (description: string) =>
      api.call('PATCH', `/v1/webhooks/${id}`, { body: { description }, headers: { 'if-match': etag } })
    expect(await change('first')).toMatchObject({ status: 200, body: { description: 'first' } })
    expect((await change('second')).status).toBe(412)
    await api.call('DELETE', `/v1/webhooks/${id}`)
  })
})

/** Beside each other: they wait for tries. */
describe.concurrent('a webhook whose receiver fails', () => {
  const pinged = { events: ['vantage.absent'] } // which never comes
  /** A policy of its own, so that it receives no other audits. */
  const copyPolicy = async (name: string) => {
    await api.stores.policies.put({ ...ports, name })
    return name
  }

  test('sends failed deliveries again under the same id until all tries failed; then on demand', async () => {
    await using receiver = await startReceiver()
    receiver.behave(() => 500)
    const { id, secret } = await create({ url: receiver.url, ...pinged })
    await api.call('POST', `/v1/webhooks/${id}/ping`)
    await newest(id, ({ attempts }) => attempts === 3)
    await hurry(id)
    const dead = await settled(id, 'dead')
    expect(dead).toMatchObject({ attempts: 4, lastAttempt: { httpStatus: 500, error: 'responded 500' } })
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([dead.messageId]))
    expect(receiver.received).toHaveLength(4)
    receiver.behave(() => 200)
    const again = await api.call('POST', `/v1/webhooks/${id}/deliveries/${dead.id}/redeliver`)
    expect(again).toMatchObject({ status: 202, body: { status: 'waiting', attempts: 0 } })
    const last = (await receiver.came(5))[4]
    if (!last) throw new Error('nothing came')
    expect(verify(secret, last)).toMatchObject({ type: 'ping', data: { webhook: id } })
    expect(last.headers['webhook-id']).toBe(dead.messageId)
    expect(await settled(id, 'delivered')).toMatchObject({ id: dead.id, attempts: 1 })
    await api.call('DELETE', `/v1/webhooks/${id}`)
  })

  test('gets what clears an alert again, as soon as it takes another delivery, and nothing else that was given up', async () => {
    await using receiver = await startReceiver()
    receiver.behave(() => 500)
    const given = [
      'window.still-open',
      'window.closed',
      'vantage.returned',
      'schedule.resumed',
      'schedule.missed',
    ] as const
    const { id } = await create({ url: receiver.url, events: given })
    const data = { window: { id: 'w' }, vantage: { name: 'v' }, schedule: 's' } as never
    for (const type of given) await api.transaction((tx) => publish(tx, [{ type, subject: 'of-the-test', data }]))
    const dead = async () => {
      await hurry(id)
      return deliveries(id, '?status=dead')
    }
    // All wait before any is given up.
    await vi.waitUntil(async () => (await deliveries(id)).length === given.length, patiently)
    // The window was closed and the schedule has missed ticks again: what was before that is not sent any more.
    await vi.waitUntil(async () => (await dead()).length === 3, patiently)
    expect(await deliveries(id, '?status=superseded')).toHaveLength(2)
    receiver.behave(() => 200)
    const before = receiver.received.length
    await api.call('POST', `/v1/webhooks/${id}/ping`)
    await vi.waitUntil(async () => (await deliveries(id, '?status=delivered')).length === 3, patiently)
    const came = receiver.received.slice(before).map(({ body }) => body.type)
    // One that takes too long on a busy machine comes again.
    expect([...new Set(came)].sort()).toEqual(['ping', 'vantage.returned', 'window.closed'])
    expect((await dead()).map(({ event }: { event: string }) => event)).toEqual(['schedule.missed'])
    await api.call('DELETE', `/v1/webhooks/${id}`)
  })

  test.each([
    ['is slow', () => undefined, 'timeout'],
    ['redirects: it is not followed', redirect, 'responded 307'],
    ['closes without a response', hangUp, /other side closed|ECONNRESET/],
  ] as const)('waits for the next try where its receiver %s', async (_, behaviour, error) => {
    await using receiver = await startReceiver()
    receiver.behave(behaviour)
    const { id } = await create({ url: receiver.url, ...pinged })
    await api.call('POST', `/v1/webhooks/${id}/ping`)
    const delivery = await newest(id, ({ attempts }) => attempts > 0)
    expect(delivery.lastAttempt.error).toEqual(typeof error === 'string' ? error : expect.stringMatching(error))
    receiver.behave(() => 204)
    await settled(id, 'delivered')
    await api.call('DELETE', `/v1/webhooks/${id}`)
  })

  test('whose receiver is down gets everything when it is back, in the order of each audit', async ({ expect }) => {
    const port = await freePort()
    const policy = await copyPolicy('down')
    const { id } = await create({ url: `http://localhost:${port}/hooks`, filter: { policies: [policy] } })
    const audits = [await audit({ policy }), await audit({ policy })]
    await expect
      .poll(async () => (await deliveries(id)).map((d: { lastAttempt: { error: string } }) => d.lastAttempt?.error))
      .toEqual(['connection-refused', 'connection-refused'])
    await using receiver = await startReceiver(undefined, port)
    const published = (await receiver.came(2)).map(({ body }) => body.data.audit.id)
    expect(published.sort()).toEqual(audits.map((one) => one.id).sort())
    await api.call('DELETE', `/v1/webhooks/${id}`)
  })

  test('sends events of an audit in order: later ones wait for a retried one, and each try is signed anew', async () => {
    await using receiver = await startReceiver()
    receiver.behave(() => (receiver.received.length < 2 ? 500 : 204))
    const policy = await copyPolicy('ordered')
    const filter = { policies: [policy] }
    const { id, secret } = await create({ url: receiver.url, events: ['finding.opened', 'audit.completed'], filter })
    // Both ports violate their rules.
    await audit({ policy, params: { openPort: await freePort(), closedPort: open.port } })
    const came = await receiver.came(5)
    const types = came.map((one) => verify(secret, one).type)
    expect(types).toEqual([...Array(3).fill('audit.completed'), 'finding.opened', 'finding.opened'])
    const [first, second, third, ...rest] = came.map(({ headers }) => headers['webhook-id'])
    expect([second, third]).toEqual([first, first])
    expect(new Set([first, ...rest]).size).toBe(3)
    const [one, , last] = came.map(({ headers }) => Number(headers['webhook-timestamp']))
    expect(last).toBeGreaterThan(one ?? Number.NaN)
    await api.call('DELETE', `/v1/webhooks/${id}`)
  })
})

describe('the callback of an audit', () => {
  const secretOf = async (key?: string) =>
    (await api.call('GET', '/v1/callback-secret', key === undefined ? {} : { key })).body

  test('receives its end, signed by the secret of the requesting key, and by no other', async () => {
    await start()
    const runner = await api.stores.keys.create('runner', ['audits:run'], { targetScope: { team: 'blue' } })
    const { secret } = await secretOf()
    const ended = await audit({ callbackUrl: `${receiver.url}/CHG2`, correlationId: 'CHG2' })
    const [received] = await receiver.came(1)
    if (!received) throw new Error('nothing came')
    expect(received.path).toBe('/hooks/CHG2')
    expect(verify(secret, received)).toMatchObject({ type: 'audit.completed', data: { audit: { id: ended.id } } })
    const other = await secretOf(runner)
    expect(other).toEqual({ secret: expect.stringMatching(/^whsec_/), previousSecret: null, previousSecretUntil: null })
    expect(() => verify(other.secret, received)).toThrow(/signature/)
    expect(await settled('callbacks', 'delivered')).toMatchObject({ url: `${receiver.url}/CHG2` })
    expect((await api.call('DELETE', '/v1/webhooks/callbacks')).status).toBe(409)
    const reader = await api.stores.keys.create('reader', ['reports:read'])
    expect((await api.call('GET', '/v1/callback-secret', { key: reader })).status).toBe(403)
  })

  test('is signed with the previous secret too after a rotation, which discloses no shared secret', async () => {
    await start()
    const before = await secretOf()
    const rotated = await api.call('POST', '/v1/webhooks/callbacks/rotate-secret', { body: { overlapSeconds: 60 } })
    expect([rotated.status, rotated.body.secret]).toEqual([200, null])
    const now = await secretOf()
    expect(now).toMatchObject({ previousSecret: before.secret, previousSecretUntil: rotated.body.previousSecretUntil })
    expect(now.secret).not.toBe(before.secret)
    await audit({ callbackUrl: receiver.url })
    const [received] = await receiver.came(1)
    if (!received) throw new Error('nothing came')
    for (const secret of [now.secret, before.secret]) expect(() => verify(secret, received)).not.toThrow()
  })

  test('cannot lead where webhooks cannot', async () => {
    const body = { policy: 'ports', targets: ['host'], callbackUrl: 'http://169.254.169.254/' }
    const { status, body: problem } = await api.call('POST', '/v1/audits', { body })
    expect(status).toBe(422)
    expect(problem.errors[0].pointer).toBe('/callbackUrl')
  })
})

function redirect(_: unknown, response: import('node:http').ServerResponse): undefined {
  response.writeHead(307, { location: '/elsewhere' }).end()
}
function hangUp(_: unknown, response: import('node:http').ServerResponse): undefined {
  response.destroy()
}

describe('a webhook receives', () => {
  test('of ticks of a schedule that had no audit, with the transaction that notes them, and of the first that has one again', async () => {
    await start()
    const { id } = await create({ events: ['schedule.missed', 'schedule.resumed'] })
    const audit = { policy: 'ports', targets: { labels: { never: 'seen' } } }
    const body = { name: 'nightly', cron: '* * * * *', audit, missed: 'skip', enabled: false }
    const auditId = randomUUID()
    await api.transaction(async (tx) => {
      const input = { timeZone: 'UTC', jitterSeconds: 0, overlap: 'skip', ...body } as const
      const made = await tx.schedules.create({ ...input, missed: 'skip' }, { requestedBy: 'test', nextAt: null })
      if (!made) throw new Error('the schedule was not made')
      const run = (minute: number, more: Partial<ScheduleRun> = {}): ScheduleRun => {
        const none = {
          outcome: 'missed',
          reason: 'the service was down',
          auditId: null,
          decidedAt: new Date(),
        } as const
        return { ...none, dueAt: new Date(Date.UTC(2026, 0, 1, 2, minute)), ...more }
      }
      const ran = { outcome: 'audit', reason: null, auditId } as const
      await recordRuns(tx, made, [run(0), run(1)])
      await recordRuns(tx, made, [run(2, { outcome: 'waiting' })])
      await recordWaitingRun(tx, made, run(2, ran))
      await recordRuns(tx, made, [run(3, ran)])
      await recordRuns(tx, made, [run(4, { outcome: 'waiting' })])
      await recordWaitingRun(tx, made, run(4, { outcome: 'refused', reason: 'the policy is gone' }))
    })
    const published = (await receiver.came(3)).map(({ body }) => body)
    expect(published.map(({ type }) => type)).toEqual(['schedule.missed', 'schedule.resumed', 'schedule.missed'])
    expect(published.map(({ data }) => data)).toMatchObject([
      { schedule: 'nightly', policy: 'ports', count: 2, ticks: [{ dueAt: '2026-01-01T02:00:00.000Z' }, {}] },
      { schedule: 'nightly', policy: 'ports', audit: auditId, dueAt: '2026-01-01T02:02:00.000Z' },
      { count: 1, ticks: [{ outcome: 'refused', reason: 'the policy is gone' }] },
    ])
    await api.call('DELETE', `/v1/webhooks/${id}`)
  })

  test('of a vantage that is absent, once, and of its return', async () => {
    await start()
    const { id } = await create({ events: ['vantage.absent', 'vantage.returned'] })
    await api.stores.vantages.register({ name: 'branch', zones: ['untrusted'] })
    const publishNow = () => api.transaction(publishPresence)
    await publishNow() // never seen, so not missed
    await api.stores.vantages.touch('branch')
    await publishNow()
    await api.query(`UPDATE vantage SET last_seen_at = now() - interval '5 minutes' WHERE name = 'branch'`)
    await publishNow()
    await publishNow()
    await receiver.came(1)
    await api.stores.vantages.touch('branch')
    await publishNow()
    const published = (await receiver.came(2)).map(({ body }) => [body.type, body.data.vantage.name])
    expect(published).toEqual([
      ['vantage.absent', 'branch'],
      ['vantage.returned', 'branch'],
    ])
    await api.call('DELETE', `/v1/webhooks/${id}`)
  })

  test('nothing of what was rolled back', async () => {
    await start()
    const { id } = await create({ events: ['vantage.absent'] })
    const rolledBack = api.transaction(async (tx) => {
      const vantage = { name: 'never', zones: [], kind: 'agent' as const, lastSeenAt: new Date().toISOString() }
      await publish(tx, [{ type: 'vantage.absent', subject: 'never', data: { vantage } }])
      throw new Error('rolled back')
    })
    await expect(rolledBack).rejects.toThrow('rolled back')
    await api.call('POST', `/v1/webhooks/${id}/ping`)
    await receiver.came(1)
    expect(receiver.received.map(({ body }) => body.type)).toEqual(['ping'])
    expect(await deliveries(id)).toHaveLength(1)
    await api.call('DELETE', `/v1/webhooks/${id}`)
  })
})
