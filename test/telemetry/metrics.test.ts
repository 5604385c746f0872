import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { freePort } from '../support/ports.ts'
import { run } from '../support/processes.ts'
import { startService, type TestService } from '../support/service.ts'

let service: TestService
let metricsPort: number
beforeAll(async () => {
  metricsPort = await freePort()
  service = await startService({ env: { PORTWARDEN_METRICS_PORT: `${metricsPort}` } })
})
afterAll(() => service?.stop())

const read = async () => (await service.call('GET', '/metrics')).body as string
/** The value of a series as Prometheus reads it, its labels in the order in which they are written. */
const readSeries = (text: string, series: string) => {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `))
  return line && Number(line.slice(series.length + 1))
}

test('a failure that has not come yet is 0, so that the first one is an increase', async () => {
  const text = await read()
  expect(readSeries(text, 'portwarden_audits_total{status="completed",verdict="fail"}')).toBe(0)
  expect(readSeries(text, 'portwarden_audits_total{status="failed",verdict="inconclusive"}')).toBe(0)
  expect(readSeries(text, 'portwarden_checks_total{probe="ldap",result="fail"}')).toBe(0)
  expect(readSeries(text, 'portwarden_checks_total{probe="none",result="error"}')).toBe(0)
})

test('an audit, its checks and their durations are counted, and no target is named', async () => {
  const open = await listenSilently()
  const id = await service.accept({
    targets: [{ name: 'host-in-no-label', address: '127.0.0.1' }],
    params: { openPort: open.port, closedPort: await freePort() },
  })
  await service.ended(id)
  await open.close()
  await service.call('GET', `/v1/audits/${id}`)
  await service.call('GET', '/v1/nothing')
  const text = await read()
  expect(readSeries(text, 'portwarden_audits_total{status="completed",verdict="pass"}')).toBe(1)
  expect(readSeries(text, 'portwarden_checks_total{probe="tcp",result="pass"}')).toBe(2)
  expect(readSeries(text, 'portwarden_checks_total{probe="none",result="notchecked"}')).toBe(1)
  expect(readSeries(text, 'portwarden_probe_duration_seconds_count{probe="tcp"}')).toBe(2)
  expect(readSeries(text, 'portwarden_http_request_duration_seconds_count{operation="getAudit",status="2xx"}')).toBe(1)
  expect(readSeries(text, 'portwarden_http_request_duration_seconds_count{operation="none",status="4xx"}')).toBe(1)
  expect(text).toContain('process_resident_memory_bytes')
  expect(text).not.toMatch(/host-in-no-label|127\.0\.0\.1/)
})

describeWithPeers(['promtool'], 'to Prometheus itself', () => {
  test('all metrics are well-formed, and ours are named as it wants them', async () => {
    const { stdout, stderr } = await run('promtool', ['check', 'metrics'], { input: await read() })
    expect(`${stdout}${stderr}`).toBe('')
  })
})

test('how far the work is behind comes from the database, for all processes', async () => {
  const before = await read()
  expect(readSeries(before, 'portwarden_database_up')).toBe(1)
  expect(readSeries(before, 'portwarden_vantage_batches{vantage="local",state="waiting"}')).toBe(0)
  expect(readSeries(before, 'portwarden_schedule_lag_seconds')).toBe(0)
  await service.stores.vantages.register({ name: 'unserved', zones: ['client'] })
  await service.accept({
    targets: [{ name: 'host', address: '127.0.0.1' }],
    vantages: ['unserved'],
    params: { openPort: 1, closedPort: 2 },
  })
  await expect
    .poll(async () => readSeries(await read(), 'portwarden_vantage_batches{vantage="unserved",state="waiting"}'))
    .toBe(1)
  expect(readSeries(await read(), 'portwarden_vantage_lag_seconds{vantage="unserved"}')).toBeGreaterThanOrEqual(0)
})

test('deliveries to webhooks that wait are counted, and for how long the oldest has waited', async () => {
  const url = `http://127.0.0.1:${await freePort()}/` // without a listener
  const made = await service.call('POST', '/v1/webhooks', { body: { url, events: ['audit.completed'] } })
  expect(readSeries(await read(), 'portwarden_webhook_deliveries_waiting')).toBe(0)
  expect(readSeries(await read(), 'portwarden_webhook_lag_seconds')).toBe(0)
  for (let i = 0; i < 2; i++) await service.call('POST', `/v1/webhooks/${made.body.id}/ping`)
  await service.query(
    `UPDATE webhook_delivery SET created_at = now() - interval '1 minute' WHERE id = (SELECT min(id) FROM webhook_delivery)`,
  )
  const text = await read()
  expect(readSeries(text, 'portwarden_webhook_deliveries_waiting')).toBe(2)
  expect(readSeries(text, 'portwarden_webhook_lag_seconds')).toBeGreaterThanOrEqual(60)
  await service.call('DELETE', `/v1/webhooks/${made.body.id}`)
})

test('it needs a key that may read reports, of everybody', async () => {
  expect((await service.call('GET', '/metrics', { key: null })).status).toBe(401)
  const runner = await service.stores.keys.create('runner', ['audits:run'])
  expect((await service.call('GET', '/metrics', { key: runner })).status).toBe(403)
  const reader = await service.stores.keys.create('reader', ['reports:read'])
  expect((await service.call('GET', '/metrics', { key: reader })).headers['content-type']).toMatch(/^text\/plain/)
})

test('where a port is set this machine reads them without a key, and nothing else', async () => {
  const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`)
  expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('portwarden_database_up 1')])
  expect((await fetch(`http://127.0.0.1:${metricsPort}/v1/audits`)).status).toBe(404)
})
