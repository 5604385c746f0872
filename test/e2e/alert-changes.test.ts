import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { approveWindow } from '../../src/operations/exceptions/decide-window.ts'
import { maintain } from '../../src/operations/maintenance.ts'
import { publishPresence } from '../../src/operations/vantages/presence.ts'
import { alertsOf, subscribe as subscribeTo, takeAll } from '../support/alerts.ts'
import { listenSilently } from '../support/app.ts'
import type { Listening } from '../support/listen.ts'
import { freePort, patienceMs } from '../support/ports.ts'
import { listenForProofs } from '../support/proofs.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { startService, type TestService } from '../support/service.ts'

let api: TestService
let open: Listening
let closed: number
let receiver: Receiver
beforeAll(async () => {
  api = await startService({ env: { PORTWARDEN_WEBHOOK_RETRY_SECONDS: '0' } }) // two tries
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

const subscribe = (more: object = {}) => subscribeTo({ api, receiver, open: open.port, closed }, more)
const change = (id: string, body: object) => api.call('PATCH', `/v1/webhooks/${id}`, { body })
const types = () => receiver.received.map(({ body }) => body.type.replace('finding.', ''))

describe('an alert of a finding', () => {
  test('stays open while the finding fails if openAfter is raised', async () => {
    const alerts = alertsOf(receiver, takeAll)
    const { id, audit } = await subscribe()
    await audit('half')
    expect((await change(id, { openAfter: 3 })).status).toBe(200)
    await audit('half')
    expect(types()).toEqual(['opened', 'still-open'])
    expect((await change(id, { openAfter: 2 })).status).toBe(200)
    await audit('half')
    await audit('pass')
    expect(types()).toEqual(['opened', 'still-open', 'still-open', 'resolved'])
    expect(alerts.size).toBe(0)
    await audit('half')
    expect(alerts.size).toBe(0) // once of twice
  })

  test('is opened for a finding that fails, also where retention drops the deliveries of the receiver that was down', async () => {
    const { audit, id } = await subscribe({ events: ['finding.opened', 'finding.resolved'] })
    receiver.behave(() => 500)
    await audit('half')
    expect((await api.call('GET', `/v1/webhooks/${id}/deliveries`)).body.items).toMatchObject([{ status: 'dead' }])
    await api.query(`UPDATE webhook_delivery SET created_at = now() - interval '40 days' WHERE webhook_id = '${id}'`)
    await maintain(api, { retentionDays: 400 })
    const alerts = alertsOf(receiver, takeAll)
    await audit('half')
    expect(alerts.size).toBe(1)
  })

  test.each([
    ['opened', 'half', 1],
    ['resolved', 'pass', 0],
  ] as const)(
    'is %s, although a newer audit has an unknown result before that is reported',
    async (type, result, size) => {
      const alerts = alertsOf(receiver, takeAll)
      const { audit, end, quiet } = await subscribe()
      if (result === 'pass') await audit('half')
      await api.transaction(async ({ outbox }) => {
        await outbox.holdOrder() // nothing is relayed meanwhile
        await end(result)
        await end(result, '203.0.113.1') // which no vantage may contact
      })
      await quiet()
      expect([types().at(-1), alerts.size]).toEqual([type, size])
    },
  )
})

/** An alerting tool with the keys of ServiceNow; severity 0 clears. */
function eventManagement() {
  const alerts = new Set<string>()
  receiver.behave(({ body }) => {
    for (const { message_key: key, severity } of body.records) severity === '0' ? alerts.delete(key) : alerts.add(key)
    return 204
  })
  return alerts
}
const operations = ['window.still-open', 'window.closed', 'vantage.absent', 'vantage.returned', 'schedule.missed']
const manage = () => subscribe({ format: 'servicenow-em', filter: {}, events: [...operations, 'schedule.resumed'] })

/** A vantage that is seen, or absent. */
async function see(name: string, isPresent: boolean) {
  await api.query(
    `UPDATE vantage SET last_seen_at = now() - interval '${isPresent ? 0 : 10} minutes' WHERE name = '${name}'`,
  )
  await api.transaction(publishPresence)
}

test.each([
  ['closed', 'returned', true, 0],
  ['open', 'is absent again', false, 1],
])('the alert of a vantage is %s if it %s while the webhook is paused', async (_state, _what, isPresent, size) => {
  const alerts = eventManagement()
  const { id, quiet, enable, rows } = await manage()
  const name = `branch-${isPresent}`
  await api.stores.vantages.register({ name, zones: ['untrusted'] })
  await see(name, true)
  if (isPresent) await see(name, false)
  await quiet()
  expect(alerts.size).toBe(isPresent ? 1 : 0)
  await change(id, { enabled: false })
  for (const now of [true, false, true, isPresent]) await see(name, now)
  await quiet()
  await enable()
  await quiet()
  expect(alerts.size).toBe(size)
  expect(new Set((await rows()).map(({ status }) => status))).not.toContain('waiting')
})

test('the alert of a schedule ends when the schedule is deleted', async () => {
  const alerts = eventManagement()
  const { quiet } = await manage()
  const audit = { policy: 'ports', targets: ['host'], params: { openPort: open.port, closedPort: closed } }
  await api.call('PUT', '/v1/targets/host', { body: { address: '127.0.0.1' } })
  const body = { name: 'hourly', cron: '0 * * * *', missed: 'skip', audit }
  expect((await api.call('POST', '/v1/schedules', { body })).status).toBe(201)
  await api.query(`UPDATE schedule SET next_at = date_trunc('hour', now()) - interval '3 hours' WHERE name = 'hourly'`)
  await api.scheduler.tick(new Date())
  await quiet()
  expect(alerts.size).toBe(1)
  expect((await api.call('DELETE', '/v1/schedules/hourly')).status).toBe(204)
  await quiet()
  expect(alerts.size).toBe(0)
})

test('the alert of an ended window ends when its target is retired', async () => {
  const alerts = eventManagement()
  const { quiet } = await manage()
  const proofs = await listenForProofs(api)
  onTestFinished(() => proofs.stop())
  const params = { exposure: open.port }
  await api.call('PUT', '/v1/targets/exposed', { body: { address: '127.0.0.1', params } })
  const rule = {
    id: 'support',
    title: 'Support',
    severity: 'high',
    direction: 'inbound',
    from: ['client'],
    probe: 'tcp',
  }
  const closedOutside = { expect: { state: ['closed', 'filtered'] }, insideWindow: { expect: { state: ['open'] } } }
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of a policy
  const rules = [{ ...rule, port: '${exposure}', ...closedOutside }]
  const parameters = { exposure: { type: 'port', required: true } }
  const put = await api.call('PUT', '/v1/policies/support', {
    body: { name: 'support', title: 'Support', parameters, rules },
  })
  expect(put.status, JSON.stringify(put.body)).toBe(201)
  const now = Date.now()
  const [from, to] = [0, 3_600_000].map((ms) => new Date(now + ms).toISOString())
  const exposure = { policy: 'support', rules: ['support'], targets: ['exposed'] }
  const body = { ...exposure, from, to, ticket: 'CHG1', reason: 'an update' }
  const { body: window } = await api.call('POST', '/v1/windows', { body })
  await approveWindow(api, { id: window.id, actor: 'another', now: new Date() })
  await api.query(`UPDATE access_window SET to_at = now() WHERE id = '${window.id}'`)
  await proofs.hurry(window.id)
  expect(await proofs.proven(window.id)).toMatchObject({ proof: 'open' })
  await quiet()
  expect(alerts.size).toBe(1)
  await api.call('DELETE', '/v1/targets/exposed')
  await proofs.hurry(window.id)
  await vi.waitUntil(() => alerts.size === 0, { timeout: patienceMs })
})
