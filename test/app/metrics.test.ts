import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBacklog } from '../../src/app/metrics.ts'
import { listenSilently } from '../support/app.ts'
import { startService, type TestService } from '../support/service.ts'

let service: TestService
let open: Awaited<ReturnType<typeof listenSilently>>
beforeAll(async () => {
  ;[service, open] = await Promise.all([startService(), listenSilently()])
})
afterAll(async () => {
  await service?.stop()
  await open?.close()
})

const connections = { max: 10, busy: 1, idle: 2, waiting: 0 }
const newBacklog = () =>
  createBacklog({
    handle: { connections: () => connections },
    clock: { now: () => new Date() },
    stores: () => service.stores,
  })

test('what fails without a waiver, and what has not ended, are counted; not more often than once a minute', async () => {
  const read = newBacklog()
  expect(await read()).toMatchObject({
    connections,
    deliveries: { waiting: 0, dead: 0 },
    ledger: { at: expect.any(Date), isKeyKnown: true },
    standing: {
      audits: { open: 0, overdue: 0, oldestSeconds: 0 },
      missedRuns: 0,
      failing: { high: 0, medium: 0, low: 0 },
      certificates: { '0d': 0, '7d': 0, '30d': 0 },
    },
  })
  const { port } = open
  const targets = [{ name: 'epp-1', address: '127.0.0.1' }]
  await service.ended(await service.accept({ targets, params: { openPort: port, closedPort: port } }))
  await service.stores.vantages.register({ name: 'unserved', zones: ['client'] })
  const waiting = await service.accept({
    targets: ['epp-1'],
    vantages: ['unserved'],
    params: { openPort: port, closedPort: port },
  })
  await service.query(
    `UPDATE audit SET deadline_at = now() - interval '1 minute', created_at = now() - interval '1 hour' WHERE id = '${waiting}'`,
  )
  const { standing } = await newBacklog()()
  expect(standing.failing).toMatchObject({ high: 1 })
  expect(standing.audits).toMatchObject({ open: 1, overdue: 1 })
  expect(standing.audits.oldestSeconds).toBeGreaterThanOrEqual(3_600)
  expect((await read()).standing.failing).toMatchObject({ high: 0 })
})
