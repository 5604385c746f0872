import { createServer } from 'node:net'
import { v7 as newUuid } from 'uuid'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { listen } from '../../../support/listen.ts'
import { patienceMs } from '../../../support/ports.ts'
import { type Receiver, startReceiver } from '../../../support/receiver.ts'
import { startService, type TestService } from '../../../support/service.ts'

let api: TestService
let hanging: Receiver
let receiver: Receiver
beforeAll(async () => {
  const env = { PORTWARDEN_WEBHOOK_TIMEOUT_MS: '60000', PORTWARDEN_CALLBACKS_WAITING: '600' }
  api = await startService({ env })
  hanging = await startReceiver()
  hanging.behave(() => undefined)
  receiver = await startReceiver()
})
afterAll(async () => {
  await hanging?.close() // so that nothing under way keeps the service
  await receiver?.close()
  await api?.stop()
})

/** Queues callbacks as the ends of audits do. */
async function addCallbacks(count: number, signedFor: string, url: (i: number) => string) {
  const payload = { type: 'ping', timestamp: '2026-01-01T00:00:00Z', data: { webhook: 'callbacks' } } as const
  const events = Array.from({ length: count }, () => ({ id: newUuid(), type: 'ping' as const, payload }))
  const deliveries = events.map(({ id }, i) => ({
    ...{ webhookId: 'callbacks', eventId: id, lane: `audit/${id}`, url: url(i), signedFor },
  }))
  await api.transaction(async (tx, database) => {
    await tx.deliveries.add(events, deliveries)
    await api.enqueueDelivery(database, 'callbacks')
  })
}

/** The path of the next callback that the fast receiver gets. */
async function deliverOne(signedFor: string, path: string, host = receiver.url) {
  const before = receiver.received.length
  await addCallbacks(1, signedFor, () => `${host}/${path}`)
  return (await receiver.came(before + 1)).at(-1)?.path
}

// One try hangs for a minute: deliveries that wait for one fail by their timeout.
test('600 hanging callbacks of one key delay neither other keys nor other hosts of that key', async () => {
  await addCallbacks(600, 'greedy', (i) => `${hanging.url}/${i}`)
  await hanging.came(4)
  expect(await deliverOne('other', 'of-another-key')).toBe('/hooks/of-another-key')
  expect(await deliverOne('greedy', 'of-another-host')).toBe('/hooks/of-another-host')
  expect(hanging.received).toHaveLength(4)
  await addCallbacks(1, 'other', () => `${hanging.url}/other`)
  const paths = (await hanging.came(5)).map(({ path }) => path)
  expect(paths).toContain('/hooks/other')
})

test('hanging hosts of one key, however many, take no turn of another key', async () => {
  const hosts = new Set<string | undefined>()
  const server = createServer((socket) => hosts.add(socket.on('error', () => {}).localAddress))
  const silent = await listen(server, '0.0.0.0')
  onTestFinished(silent.close)
  await addCallbacks(40, 'many-hosts', (i) => `http://127.0.1.${i + 1}:${silent.port}/hooks`)
  await vi.waitUntil(() => hosts.size >= 8, { timeout: patienceMs })
  expect(await deliverOne('third', 'beside-many-hosts')).toBe('/hooks/beside-many-hosts')
  expect(hosts.size).toBe(8)
})

test('a key with as many waiting callbacks as allowed gets 429 for more; audits without a callback go on', async () => {
  const key = await api.stores.keys.create('flooding', ['audits:run', 'targets:write'])
  const keyId = key.split('_')[1] as string
  await addCallbacks(600, keyId, (i) => `${hanging.url}/flood-${i}`)
  const params = { openPort: 1, closedPort: 1 }
  const audit = { policy: 'ports', targets: [{ name: 'host', address: '127.0.0.1' }], params }
  const body = { ...audit, callbackUrl: receiver.url }
  const { status, headers, body: problem } = await api.call('POST', '/v1/audits', { key, body })
  expect([status, problem.detail]).toEqual([429, '600 callbacks of this key wait for their receivers'])
  expect(Number(headers['retry-after'])).toBeGreaterThan(0)
  expect((await api.call('GET', '/metrics')).body).toContain('portwarden_quota_refusals_total{quota="callbacks"} 1\n')
  expect((await api.call('POST', '/v1/audits', { key, body: audit })).status).toBe(202)
  expect((await api.call('POST', '/v1/audits', { body })).status).toBe(202)
})

test('a dozen hanging webhooks do not delay another one', async () => {
  const create = async (url: string) => {
    const { body } = await api.call('POST', '/v1/webhooks', { body: { url, events: ['vantage.absent'] } })
    await api.call('POST', `/v1/webhooks/${body.id}/ping`)
  }
  const before = hanging.received.length
  for (let i = 0; i < 12; i++) await create(`${hanging.url}/webhook`)
  await hanging.came(before + 12)
  const others = receiver.received.length
  await create(`${receiver.url}/webhook`)
  await receiver.came(others + 1)
  expect(receiver.received.at(-1)?.path).toBe('/hooks/webhook')
})
