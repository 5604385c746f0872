import type { ServerResponse } from 'node:http'
import { expect, vi } from 'vitest'
import { patienceMs } from './ports.ts'
import type { Received, Receiver } from './receiver.ts'
import type { TestService } from './service.ts'

interface AlertParts {
  api: TestService
  receiver: Receiver
  /** Ports of 127.0.0.1. */
  open: number
  closed: number
}

let targets = 0
/** A webhook for the findings of one new target, which is audited as a test wants. */
export async function subscribe({ api, receiver, open, closed }: AlertParts, more: object = {}) {
  const target = `host-${targets++}`
  const events = ['finding.opened', 'finding.still-open', 'finding.resolved']
  const body = { url: receiver.url, events, filter: { labels: { of: target } }, ...more }
  const { status, body: webhook } = await api.call('POST', '/v1/webhooks', { body })
  expect(status, JSON.stringify(webhook)).toBe(201)
  const id = webhook.id as string

  /** An audit of the ports of the target; both findings fail, one, or none. */
  const end = async (result: 'fail' | 'half' | 'pass', address = '127.0.0.1') => {
    const params = {
      openPort: result === 'fail' || result === 'half' ? closed : open,
      closedPort: result === 'fail' ? open : closed,
    }
    await api.ended(await api.accept({ targets: [{ name: target, address, labels: { of: target } }], params }))
  }
  /** The same, with its deliveries. */
  const audit = async (result: 'fail' | 'half' | 'pass') => {
    await end(result)
    await quiet()
  }
  const rows = () =>
    api.query<{ id: string; status: string }>(
      `SELECT id::text, status FROM webhook_delivery WHERE webhook_id = '${id}' ORDER BY id`,
    )
  /** Resolves when every event was relayed and every delivery is settled, or held by a webhook that is disabled. */
  const quiet = () =>
    vi.waitUntil(
      async () => {
        const [waiting] = await api.query<{ count: number }>(
          `SELECT (SELECT count(*) FROM webhook_outbox)::int + (SELECT count(*) FROM webhook_delivery d JOIN webhook w
            ON w.id = d.webhook_id WHERE w.id = '${id}' AND w.enabled AND d.status = 'waiting')::int AS count`,
        )
        return waiting?.count === 0
      },
      { timeout: patienceMs, interval: 20 },
    )
  const enable = () => api.call('PATCH', `/v1/webhooks/${id}`, { body: { enabled: true } })
  const redeliver = (delivery: string) => api.call('POST', `/v1/webhooks/${id}/deliveries/${delivery}/redeliver`)
  return { id, target, end, audit, rows, quiet, enable, redeliver }
}

/** An alerting tool: it opens and closes alerts by what it gets, and fails as a test wants. */
export function alertsOf(
  receiver: Receiver,
  respond: (received: Received, response: ServerResponse, take: () => void) => number | undefined,
) {
  const alerts = new Set<string>()
  receiver.behave((received, response) => {
    const { type, data } = received.body
    const key = data.group?.id ?? data.finding.fingerprint
    const take = () => void (type === 'finding.resolved' ? alerts.delete(key) : alerts.add(key))
    return respond(received, response, take)
  })
  return alerts
}

export const takeAll: Parameters<typeof alertsOf>[1] = (_received, _response, take) => {
  take()
  return 204
}
export const breakOff: typeof takeAll = (_received, response, take) => {
  take()
  response.destroy()
  return undefined
}
