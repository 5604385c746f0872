import { createHash } from 'node:crypto'
import { strFromU8, unzipSync } from 'fflate'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently } from '../../../support/app.ts'
import type { Listening } from '../../../support/listen.ts'
import { startService, type TestService } from '../../../support/service.ts'
import { finding, makeSeries, startAudit } from '../../../support/stores.ts'

let service: TestService
let port: Listening
let auditId: string

beforeAll(async () => {
  service = await startService()
  port = await listenSilently()
  auditId = await service.accept({ params: { openPort: port.port, closedPort: port.port } })
  await service.ended(auditId)
})
afterAll(async () => {
  await port.close()
  await service.stop()
})

async function fetchPack(id: string, headers: Record<string, string> = {}) {
  const response = await service.server.inject({
    url: `/v1/audits/${id}/pack`,
    headers: { authorization: `Bearer ${service.key}`, ...headers },
  })
  return { status: response.statusCode, headers: response.headers, bytes: response.rawPayload }
}
const unpack = (bytes: Uint8Array): Record<string, string> =>
  Object.fromEntries(Object.entries(unzipSync(bytes)).map(([name, content]) => [name, strFromU8(content)]))
const sha256 = (text = '') => createHash('sha256').update(text).digest('hex')

test('the pack of an audit is a zip with its findings, policy, vantages, ledger entry and page', async () => {
  const { status, headers, bytes } = await fetchPack(auditId)
  expect([status, headers['content-type'], headers['content-disposition']]).toEqual([
    200,
    'application/zip',
    `attachment; filename="audit-${auditId}.zip"`,
  ])
  const files = unpack(bytes)
  const json = (name: string) => JSON.parse(files[name] ?? 'null')
  const findings = (files['findings.ndjson'] ?? '').trimEnd().split('\n')
  expect(findings.map((line) => JSON.parse(line))).toEqual(await service.findings(auditId))
  const audit = (await service.call('GET', `/v1/audits/${auditId}`)).body
  expect(json('audit.json')).toMatchObject({ id: auditId, verdict: audit.verdict, policy: audit.policy })
  expect(sha256(files['policy.json'])).toBe(audit.policy.digest)
  expect(json('ledger.json')).toMatchObject({ action: 'audit.finish', subject: auditId })
  expect(files['index.html']).toContain(`<dd>${auditId}</dd>`)
  for (const { name, sha256: sum } of json('manifest.json').files)
    expect([name, sha256(files[name])]).toEqual([name, sum])
})

test('the same audit gives the same bytes, also when its vantage has moved to other zones since', async () => {
  const before = await fetchPack(auditId)
  expect(JSON.parse(unpack(before.bytes)['vantages.json'] ?? '').vantages).toEqual([
    { name: 'local', zones: ['client'], kind: 'worker', version: expect.anything() },
  ])
  await service.query(`UPDATE vantage SET zones = '{moved}', version = 'later' WHERE name = 'local'`)
  const after = await fetchPack(auditId)
  expect(Buffer.compare(before.bytes, after.bytes)).toBe(0)
  expect(after.headers.etag).toBe(before.headers.etag)
  const known = await fetchPack(auditId, { 'if-none-match': String(before.headers.etag) })
  expect([known.status, known.bytes.length]).toEqual([304, 0])
})

test('an audit that goes on has no pack, nor has one whose findings are gone, nor one that there is not', async () => {
  const { auditId: running } = await startAudit(service.stores)
  expect((await fetchPack(running)).status).toBe(409)
  const series = await makeSeries(service.stores, ['gone'])
  const started = await startAudit(service.stores, { targetIds: series.map(({ targetId }) => targetId) })
  await service.stores.record({ ...started, findings: series.map((one) => finding(one, 1000)) })
  await service.endAudit({ id: started.auditId })
  expect((await fetchPack(started.auditId)).status).toBe(200)
  await service.query(`DELETE FROM finding WHERE audit_id = '${started.auditId}'`)
  expect((await fetchPack(started.auditId)).status).toBe(409)
  expect((await fetchPack('019b7600-0000-7000-8000-000000000000')).status).toBe(404)
})
