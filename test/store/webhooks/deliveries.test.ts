import { v7 as newUuid } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dropOldDeliveries } from '../../../src/store/webhooks/deliveries.ts'
import { openTestStores, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
  const input = {
    url: 'https://localhost/',
    description: null,
    filter: {},
    format: 'standard',
    openAfter: 1,
    groupBy: null,
    enabled: true,
  } as const
  const secrets = { secret: new Uint8Array(1), authorization: null, requestedBy: 'test' }
  await stores.webhooks.create('w', { ...input, events: ['audit.completed'] }, secrets)
})
afterAll(() => stores?.close())

const add = async (lane: string, series?: string, webhookId = 'w') => {
  const id = newUuid()
  const payload = { type: 'ping', timestamp: '2026-01-01T00:00:00Z', data: { webhook: 'w' } } as const
  const [delivery] = await stores.deliveries.add(
    [{ id, type: 'ping', payload }],
    [{ webhookId, eventId: id, lane, ...(series && { series }) }],
  )
  return delivery ?? ''
}
const due = async () => (await stores.deliveries.due('w', '', 100)).map(({ id }) => id)
const settle = (id: string, settlement: Parameters<typeof stores.deliveries.settle>[0][number]['settlement']) =>
  stores.deliveries.settle([
    { id, triedAt: new Date(), attempt: { status: 500, error: 'responded 500', durationMs: 1 }, settlement },
  ])

describe('what is due', () => {
  test('is nothing that comes after what waits, in its audit or its series', async () => {
    const series = newUuid()
    const first = await add('a', series)
    const second = await add('a')
    const third = await add('b', series)
    const other = await add('c', newUuid())
    expect(await due()).toEqual([first, second, third, other])
    await settle(first, { status: 'waiting', nextAt: new Date(Date.now() + 60_000) })
    expect(await due()).toEqual([other])
    await settle(first, { status: 'dead', gone: false })
    expect(await due()).toEqual([second, third, other])
    for (const id of [second, third, other]) await settle(id, { status: 'delivered' })
  })
})

test('nothing goes to a webhook that was removed after its event was read', async () => {
  expect(await add('gone', undefined, 'removed')).toBe('')
})

describe('what was delivered', () => {
  test('goes with the retention, and what waits stays', async () => {
    const waiting = await add('d')
    await stores.query(`UPDATE webhook_delivery SET created_at = now() - interval '31 days'`)
    await stores.query(`UPDATE webhook_event SET created_at = now() - interval '31 days'`)
    await dropOldDeliveries(stores.db, 30)
    const { items } = await stores.deliveries.list('w', { limit: 100 })
    expect(items.map(({ id }) => id)).toEqual([waiting])
    expect(await stores.query('SELECT id FROM webhook_event')).toHaveLength(1)
  })
})
