import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuditFormatName, auditFormats } from '../../src/report/formats/index.ts'
import { collectGarbage } from '../support/collect-garbage.ts'
import { startService, type TestService } from '../support/service.ts'
import { finding, makeSeries, startAudit } from '../support/stores.ts'

const [targets, rules] = [500, 100]
const rows = targets * rules
let service: TestService
let origin: string
/** It has 50,000 findings with two kilobytes of evidence each. */
let auditId: string

beforeAll(async () => {
  service = await startService({ working: false })
  origin = await service.listen()
  const { stores } = service
  const [series] = await makeSeries(stores, ['many'])
  if (!series) throw new Error('no series')
  const evidence = { probe: 'tcp', host: 'h'.repeat(2_000), port: 1, addresses: {} } as const
  const started = await startAudit(stores, { targetIds: [series.targetId] })
  await stores.record({ ...started, findings: [finding(series, 1000, { evidence })] })
  await service.endAudit({ id: started.auditId })
  auditId = started.auditId
  // The same for many more targets and rules, as recording leaves them.
  await service.query(`
    WITH targets AS (
      INSERT INTO target (name, address, roles, labels, params)
      SELECT 't-' || i, '127.0.0.1', '{}', '{}', '{}' FROM generate_series(2, ${targets}) AS i RETURNING id
    ), rules AS (
      INSERT INTO rule (policy, name) SELECT 'p', 'r-' || i FROM generate_series(2, ${rules}) AS i RETURNING id
    ), added AS (
      INSERT INTO series (target_id, rule_id, vantage_id)
      SELECT t.id, r.id, s.vantage_id FROM series s, (SELECT id FROM targets UNION SELECT target_id FROM series) t,
        (SELECT id FROM rules UNION SELECT rule_id FROM series) r
      WHERE (t.id, r.id) <> (s.target_id, s.rule_id) RETURNING target_id, id
    )
    INSERT INTO finding (audit_id, observed_at, target_id, series_id, evidence_id, latency_ms, attempts, result, state, reason_id, flags)
    SELECT f.audit_id, f.observed_at, a.target_id, a.id, f.evidence_id, f.latency_ms, f.attempts, f.result, f.state, f.reason_id, f.flags
    FROM finding f, added a`)
  await service.query('ANALYZE')
})
afterAll(() => service.stop())

const megabyte = 2 ** 20
async function heldMegabytes(): Promise<number> {
  await collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / megabyte
}

/** Reads a response to its end; returns its lines and megabytes, and how many megabytes more were held every so many. */
async function read(path: string, accept: string, { every = 15 } = {}) {
  const before = await heldMegabytes()
  const response = await fetch(origin + path, { headers: { authorization: `Bearer ${service.key}`, accept } })
  const held: number[] = []
  let [bytes, lines] = [0, 0]
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1
    if (bytes > held.length * every * megabyte) held.push((await heldMegabytes()) - before)
  }
  return { status: response.status, megabytes: bytes / megabyte, lines, held }
}

test('the memory of an export does not grow with it: 50,000 findings as CSV', async () => {
  const { status, megabytes, lines, held } = await read(`/v1/audits/${auditId}/findings`, 'text/csv')
  expect([status, lines]).toEqual([200, rows + 1])
  expect(megabytes).toBeGreaterThan(100)
  expectBounded(held)
})

// Each measurement takes a third of a second, so that there are but a few, of OSCAL too, for which the findings are read three times.
const sizes: Record<AuditFormatName, { every: number; least: number }> = {
  oscal: { every: 30, least: 120 },
  sarif: { every: 12, least: 100 },
  junit: { every: 0.6, least: 2.5 },
  nmap: { every: 12, least: 80 },
  html: { every: 4, least: 15 },
}
test.each([
  ...(Object.keys(sizes) as AuditFormatName[]).map((name) => ['', auditFormats[name].mediaType, sizes[name]] as const),
  ['/pack', 'application/zip', { every: 0.4, least: 2 }] as const,
])('nor does that of an audit%s as %s', async (path, accept, { every, least }) => {
  const { status, megabytes, held } = await read(`/v1/audits/${auditId}${path}`, accept, { every })
  expect(status).toBe(200)
  expect(megabytes).toBeGreaterThan(least)
  expectBounded(held)
})

function expectBounded(held: readonly number[]): void {
  expect(held.length).toBeGreaterThan(3)
  // A few pages of it are on their way at any time, here the client's too; a process that collected them would hold more than all.
  expect(Math.max(...held)).toBeLessThan(100)
  const half = Math.ceil(held.length / 2)
  expect(Math.max(...held.slice(half))).toBeLessThan(Math.max(...held.slice(0, half)) + 30)
}
