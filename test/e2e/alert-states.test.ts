import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { alertsOf as alertsAt, breakOff, subscribe as subscribeTo, takeAll } from '../support/alerts.ts'
import { listenSilently } from '../support/app.ts'
import type { Listening } from '../support/listen.ts'
import { freePort, patienceMs } from '../support/ports.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { startService, type TestService } from '../support/service.ts'

let api: TestService
let open: Listening
let closed: number
let receiver: Receiver
beforeAll(async () => {
  // Two tries, the second one immediately.
  const env = { PORTWARDEN_WEBHOOK_RETRY_SECONDS: '0', PORTWARDEN_WEBHOOK_TIMEOUT_MS: '500' }
  api = await startService({ env })
  open = await listenSilently()
  closed = await freePort()
})
beforeEach(async () => {
  receiver = await startReceiver()
  return () => receiver.close()
})
afterAll(async () => {
  await api?.stop()
  await open?.close()
})

/** A webhook for the findings of one new target. */
const subscribe = (more: object = {}) => subscribeTo({ api, receiver, open: open.port, closed }, more)
const alertsOf = (respond: Parameters<typeof alertsAt>[1]) => alertsAt(receiver, respond)

const types = () => receiver.received.map(({ body }) => body.type.replace('finding.', ''))

describe.each(['opened', 'still-open', 'resolved'])('a receiver that fails at finding.%s', (step) => {
  test.each([
    ['responds 500', () => 500],
    ['takes it and breaks off', breakOff],
    ['hangs', () => undefined],
    ['responds 410', () => 410],
  ] as const)('and %s has no open alert once it is back and the finding passes', async (_, failure) => {
    let isFailing = true
    const alerts = alertsOf((received, response, take) =>
      (isFailing && received.body.type === `finding.${step}` ? failure : takeAll)(received, response, take),
    )
    const { audit, rows, quiet, enable, redeliver } = await subscribe()
    for (const result of ['fail', 'fail', 'pass'] as const) await audit(result)
    isFailing = false
    await enable()
    await quiet()
    await audit('pass')
    await audit('pass')
    expect([...alerts]).toEqual([])
    // Nothing that is sent again opens an alert.
    for (const { id, status } of await rows()) expect([202, 409], status).toContain((await redeliver(id)).status)
    await quiet()
    expect([...alerts]).toEqual([])
    await audit('fail')
    expect(alerts.size).toBe(2)
  })
})

test('a receiver that was down gets one state of each finding', async () => {
  const alerts = alertsOf(takeAll)
  const { id, target, audit, rows } = await subscribe()
  await audit('fail')
  // As if each first try had failed, with a long pause before the second one.
  await api.query(`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.status = 'waiting' THEN NEW.next_at := now() + interval '1 hour'; END IF; RETURN NEW; END $$`)
  await api.query(
    `CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON webhook_delivery FOR EACH ROW EXECUTE FUNCTION hold()`,
  )
  const held = async (result: 'fail' | 'half') => {
    const params = { openPort: closed, closedPort: result === 'fail' ? open.port : closed }
    await api.ended(
      await api.accept({ targets: [{ name: target, address: '127.0.0.1', labels: { of: target } }], params }),
    )
  }
  for (const [i, result] of (['fail', 'fail', 'fail', 'half'] as const).entries()) {
    await held(result)
    // Else events of one audit may be relayed after those of the next, and are not news then.
    await vi.waitUntil(async () => (await rows()).length === 4 + 2 * i, { timeout: patienceMs })
  }
  await api.query('DROP TRIGGER hold ON webhook_delivery')
  receiver.received.length = 0
  alertsOf(takeAll)
  await api.query(
    `UPDATE webhook_delivery SET next_at = now(), attempts = 1 WHERE webhook_id = '${id}' AND status = 'waiting'`,
  )
  await api.transaction((_, tx) => api.enqueueDelivery(tx, id))
  await receiver.came(2)
  expect(types().toSorted()).toEqual(['resolved', 'still-open'])
  const statuses = (await rows()).map(({ status }) => status)
  expect(statuses.filter((status) => status === 'superseded')).toHaveLength(6)
  expect(alerts.size).toBe(2)
})

describe('options of a webhook', () => {
  test('openAfter opens an alert after so many failures in a row', async () => {
    const alerts = alertsOf(takeAll)
    const { id, audit } = await subscribe({ openAfter: 3 })
    for (const result of ['half', 'half', 'pass', 'half', 'half'] as const) await audit(result)
    expect(types()).toEqual([])
    await audit('half')
    expect(types()).toEqual(['opened'])
    await audit('half')
    await audit('pass')
    expect(types()).toEqual(['opened', 'still-open', 'resolved'])
    expect(alerts.size).toBe(0)
    expect((await api.call('GET', `/v1/webhooks/${id}`)).body).toMatchObject({ openAfter: 3, groupBy: null })
  })

  test('groupBy makes one alert of the findings of a target, which ends with the last of them', async () => {
    const alerts = alertsOf(takeAll)
    const { id, audit } = await subscribe({ groupBy: 'target' })
    for (const result of ['half', 'fail', 'half', 'pass', 'pass'] as const) await audit(result)
    expect(types()).toEqual(['opened', 'still-open', 'still-open', 'resolved'])
    expect(receiver.received.map(({ body }) => body.data.group.count)).toEqual([1, 2, 1, 0])
    expect(new Set(receiver.received.map(({ body }) => body.data.group.id)).size).toBe(1)
    expect(receiver.received[1]?.body.data.group.failing.map(({ rule }: { rule: string }) => rule).toSorted()).toEqual([
      'must-be-open',
      'must-be-unreachable',
    ])
    expect(alerts.size).toBe(0)
    const { status, body } = await api.call('PATCH', `/v1/webhooks/${id}`, { body: { groupBy: null } })
    expect([status, body.detail]).toEqual([400, expect.stringContaining('groupBy')])
  })

  test('groupBy opens one alert in ServiceNow and clears it', async () => {
    const { audit } = await subscribe({ groupBy: 'target', format: 'servicenow-em' })
    await audit('fail')
    await audit('pass')
    const records = receiver.received.map(({ body }) => body.records[0])
    expect(records.map(({ severity }) => severity)).toEqual(['1', '0'])
    expect(new Set(records.map(({ message_key: key }) => key)).size).toBe(1)
    expect(records[0].description).toMatch(/^host-\d+ fails: 2 findings: /)
  })
})

test('what a newer event replaced is not delivered again', async () => {
  const { id, audit, rows, redeliver } = await subscribe()
  for (const result of ['half', 'pass'] as const) await audit(result)
  const [opened, resolved] = await rows()
  const refused = await redeliver(opened?.id as string)
  expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('a newer delivery')])
  expect((await redeliver(resolved?.id as string)).status).toBe(202)
  await receiver.came(3)
  expect(types()).toEqual(['opened', 'resolved', 'resolved'])
  await api.call('DELETE', `/v1/webhooks/${id}`)
})
