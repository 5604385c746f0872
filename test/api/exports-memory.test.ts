import { afterAll, beforeAll, expect, test } from 'vitest'
import { collectGarbage } from '../support/collect-garbage.ts'
import { startService, type TestService } from '../support/service.ts'
import { finding, makeSeries, startAudit } from '../support/stores.ts'

const rows = 200_000
let service: TestService
let origin: string
/** 200,000 findings with half a kilobyte of evidence each, and none of them changed since the audit before. */
let auditIds: [before: string, after: string]

beforeAll(async () => {
  service = await startService({ working: false })
  origin = await service.listen()
  const { stores } = service
  const [series] = await makeSeries(stores, ['many'])
  if (!series) throw new Error('no series')
  const evidence = { probe: 'tcp', host: 'h'.repeat(500), port: 1, addresses: {} } as const
  const record = async (ms: number, result: 'pass' | 'fail') => {
    const started = await startAudit(stores, { targetIds: [series.targetId] })
    await stores.record({ ...started, findings: [finding(series, ms, { result, evidence })] })
    await stores.audits.finish(started.auditId)
    return started.auditId
  }
  auditIds = [await record(1000, 'pass'), await record(2000, 'fail')]
  // The same for many more rules of the one target: findings and spans as recording leaves them.
  await service.query(`
    WITH rules AS (
      INSERT INTO rule (policy, name) SELECT 'p', 'r-' || i FROM generate_series(2, ${rows}) AS i RETURNING id
    ), added AS (
      INSERT INTO series (target_id, rule_id, vantage_id)
      SELECT s.target_id, rules.id, s.vantage_id FROM rules, series s RETURNING target_id, id
    ), found AS (
      INSERT INTO finding SELECT f.audit_id, f.observed_at, f.target_id, a.id, f.evidence_id, f.latency_ms, f.attempts, f.result,
        f.state, f.reason_id, f.flags FROM finding f, added a
    )
    INSERT INTO span SELECT x.target_id, a.id, x.from_at, x.to_at, x.evidence_id, x.result, x.state, x.reason_id, x.audit_id
    FROM span x, added a`)
  await service.query('ANALYZE')
}, 120_000)
afterAll(() => service.stop())

const megabyte = 2 ** 20
async function heldMegabytes(): Promise<number> {
  await collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / megabyte
}

/** Reads an answer to its end; answers its lines and megabytes, and the most that was held while it came. */
async function read(path: string, accept: string) {
  const before = await heldMegabytes()
  const answer = await fetch(origin + path, { headers: { authorization: `Bearer ${service.key}`, accept } })
  let [bytes, lines, most, nextLook] = [0, 0, 0, 0]
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1
    if (bytes < nextLook) continue
    nextLook = bytes + 8 * megabyte
    most = Math.max(most, (await heldMegabytes()) - before)
  }
  return { status: answer.status, megabytes: bytes / megabyte, lines, most }
}

test.each([
  ['findings as CSV', () => `/v1/audits/${auditIds[1]}/findings`, 'text/csv', rows + 1],
  ['findings as one JSON document', () => `/v1/audits/${auditIds[1]}/findings?all=true`, 'application/json', 0],
])(
  'the memory of an export does not grow with it: %s',
  async (_, path, accept, expected) => {
    const { status, megabytes, lines, most } = await read(path(), accept)
    expect([status, lines]).toEqual([200, expected])
    expect(megabytes).toBeGreaterThan(120)
    expect(most).toBeLessThan(60)
  },
  120_000,
)
