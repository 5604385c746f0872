import { afterAll, beforeAll, expect, test } from 'vitest'
import { collectGarbage } from '../support/collect-garbage.ts'
import { startService, type TestService } from '../support/service.ts'
import { finding, makeSeries, startAudit } from '../support/stores.ts'

const rows = 200_000
let service: TestService
let origin: string
/** It has 200,000 findings with half a kilobyte of evidence each. */
let auditId: string

beforeAll(async () => {
  service = await startService({ working: false })
  origin = await service.listen()
  const { stores } = service
  const [series] = await makeSeries(stores, ['many'])
  if (!series) throw new Error('no series')
  const evidence = { probe: 'tcp', host: 'h'.repeat(500), port: 1, addresses: {} } as const
  const started = await startAudit(stores, { targetIds: [series.targetId] })
  await stores.record({ ...started, findings: [finding(series, 1000, { evidence })] })
  await stores.audits.finish(started.auditId)
  auditId = started.auditId
  // The same for many more rules of the one target, as recording leaves them.
  await service.query(`
    WITH rules AS (
      INSERT INTO rule (policy, name) SELECT 'p', 'r-' || i FROM generate_series(2, ${rows}) AS i RETURNING id
    ), added AS (
      INSERT INTO series (target_id, rule_id, vantage_id)
      SELECT s.target_id, rules.id, s.vantage_id FROM rules, series s RETURNING target_id, id
    )
    INSERT INTO finding (audit_id, observed_at, target_id, series_id, evidence_id, latency_ms, attempts, result, state, reason_id, flags)
    SELECT f.audit_id, f.observed_at, f.target_id, a.id, f.evidence_id, f.latency_ms, f.attempts, f.result, f.state, f.reason_id, f.flags
    FROM finding f, added a`)
  await service.query('ANALYZE')
}, 120_000)
afterAll(() => service.stop())

const megabyte = 2 ** 20
async function heldMegabytes(): Promise<number> {
  await collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / megabyte
}

/** Reads an answer to its end; answers its lines and megabytes, and how many megabytes more were held now and then. */
async function read(path: string, accept: string) {
  const before = await heldMegabytes()
  const answer = await fetch(origin + path, { headers: { authorization: `Bearer ${service.key}`, accept } })
  const held: number[] = []
  let [bytes, lines] = [0, 0]
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1
    if (bytes > held.length * 8 * megabyte) held.push((await heldMegabytes()) - before)
  }
  return { status: answer.status, megabytes: bytes / megabyte, lines, held }
}

test('the memory of an export does not grow with it: 200,000 findings as CSV', async () => {
  const { status, megabytes, lines, held } = await read(`/v1/audits/${auditId}/findings`, 'text/csv')
  expect([status, lines]).toEqual([200, rows + 1])
  expect(megabytes).toBeGreaterThan(120)
  // A few pages of it are on their way at any time, here the client's too; whoever collected them would hold more than all.
  expect(Math.max(...held)).toBeLessThan(100)
  const half = Math.ceil(held.length / 2)
  expect(Math.max(...held.slice(half))).toBeLessThan(Math.max(...held.slice(0, half)) + 30)
}, 120_000)
