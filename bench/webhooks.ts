import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { VantageData } from '../src/domain/webhooks/events.ts'
import type { Bench } from './main.ts'
import { figure } from './measure.ts'
import { type Service, startService } from './service.ts'
import { type OwnStores, openOwnStores } from './stores.ts'
import { callService } from './whole-audit.ts'

const deliveries = 10_000
const absent: Omit<VantageData['vantage'], 'name'> = { zones: [], kind: 'agent', lastSeenAt: '2026-01-01T00:00:00Z' }

/** Deliveries per second of one process to one webhook: of independent events, and of the findings of one audit in sequence. */
export const measureWebhooks: Bench = async (dataDir) => {
  const stores = await openOwnStores(dataDir)
  try {
    const service = await startService(dataDir, { DATABASE_URL: stores.url })
    try {
      const apart = await measure(stores, service, (i) => `vantage-${i}`)
      const inOrder = await measure(stores, service, () => 'one')
      const goal = '≥ 500'
      return [
        figure('deliveries to a local receiver', apart, '/s', goal),
        figure('the same, all of them in one order', inOrder, '/s', goal),
      ]
    } finally {
      await service.stop()
    }
  } finally {
    await stores.close()
  }
}

/** Writes events as the service does, and waits until the receiver has all of them; returns the events per second. */
async function measure(stores: OwnStores, service: Service, subjectOf: (i: number) => string): Promise<number> {
  const seen = new Set<string>()
  const receiver = createServer((request, response) => {
    seen.add(String(request.headers['webhook-id']))
    request.resume().once('end', () => response.writeHead(204).end())
    if (seen.size === deliveries) receiver.emit('all')
  }).listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  const { port } = receiver.address() as AddressInfo
  const id = await subscribe(service, `http://127.0.0.1:${port}/`)
  const all = once(receiver, 'all')
  const startedAt = performance.now()
  for (let i = 0; i < deliveries; i++)
    await stores.outbox.add([
      { type: 'vantage.absent', subject: subjectOf(i), data: { vantage: { name: `${i}`, ...absent } } },
    ])
  await all
  const tookMs = performance.now() - startedAt
  await callService(service, `/v1/webhooks/${id}`, { method: 'DELETE' })
  receiver.close()
  receiver.closeAllConnections()
  return deliveries / (tookMs / 1000)
}

async function subscribe(service: Service, url: string): Promise<string> {
  const body = JSON.stringify({ url, events: ['vantage.absent'] })
  const response = await callService(service, '/v1/webhooks', { method: 'POST', body })
  const { id } = (await response.json()) as { id: string }
  return id
}
