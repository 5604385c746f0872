import { expect, onTestFinished, test } from 'vitest'
import { createTraceDesk } from '../../../src/operations/traces/leases.ts'
import { startService } from '../../support/service.ts'

test('a trace whose agent leaves while it is taken is leased to the next agent', async () => {
  const { stores, call, stop } = await startService({})
  onTestFinished(stop)
  await call('PUT', '/v1/vantages/branch', { body: { zones: ['branch'] } })
  const { body } = await call('POST', '/v1/traces', { body: { host: '10.9.0.1', port: 22, vantage: 'branch' } })
  const gone = new AbortController()
  const take: typeof stores.traces.take = async (...request) => {
    const taken = await stores.traces.take(...request)
    gone.abort()
    return taken
  }
  const waitForTrace = (_vantage: string, ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
  const desk = (traces: typeof stores.traces) =>
    createTraceDesk({ stores: { traces, vantages: stores.vantages }, waitForTrace })
  expect(await desk({ ...stores.traces, take }).lease('branch', { waitMs: 0, signal: gone.signal })).toBeUndefined()
  const next = await desk(stores.traces).lease('branch', { waitMs: 0, signal: new AbortController().signal })
  expect(next).toMatchObject({ id: body.id })
})
