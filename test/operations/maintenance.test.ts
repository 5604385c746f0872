import { Client } from 'pg'
import { v7 as newUuid } from 'uuid'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Evidence } from '../../src/domain/findings/evidence.ts'
import { maintain } from '../../src/operations/maintenance.ts'
import type { NewFinding } from '../../src/store/audits/record-findings.ts'
import { finding, makeSeries, openTestStores, policyOf, startAudit, type TestStores } from '../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

const day = 86_400_000
const daysAgo = (days: number) => new Date(Date.now() - days * day)
const retentionDays = 400
const run = () => maintain({ stores, transaction: stores.transaction }, { retentionDays })
/** As if this much time had passed since the last run. */
const later = (hours: number) =>
  stores.query(
    `UPDATE evidence SET unused_since = unused_since - interval '${hours} hours' WHERE unused_since IS NOT NULL`,
  )

const evidence = (host: string): Evidence => ({ probe: 'tcp', host, port: 1, addresses: {} })
const isStored = async (host: string) =>
  (await stores.query(`SELECT FROM evidence WHERE content->>'host' = '${host}'`)).length > 0
const nameOf = (date: Date) => `finding_${date.toISOString().slice(0, 7).replace('-', '_')}`
const partitions = async () =>
  (
    await stores.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relispartition AND relkind = 'r' ORDER BY 1`,
    )
  ).map(({ name }) => name)

type Series = Awaited<ReturnType<typeof makeSeries>>[number]
/** An audit that was made and probed that many days ago. */
async function audit(days: number, series: Series | undefined, more: Partial<NewFinding> = {}): Promise<string> {
  const id = newUuid({ msecs: daysAgo(days).getTime() })
  await stores.query(`SELECT ensure_finding_partition('${daysAgo(days).toISOString()}')`)
  const started = await startAudit(stores, {
    id,
    targetIds: [series?.targetId ?? -1],
    total: 1,
    policy: policyOf('p', 'r'),
  })
  const observedAt = daysAgo(days)
  await stores.record({ ...started, findings: series ? [finding(series, 0, { observedAt, ...more })] : [] })
  await stores.endAudit({ id })
  return id
}

describe('the retention of findings', () => {
  test('drops the months that ended before it, and says which', async () => {
    const [series] = await makeSeries(stores, ['retained'])
    const waived = { waiverId: newUuid() }
    const old = await audit(480, series, waived)
    const young = await audit(300, series, waived)
    const { droppedPartitions } = await run()
    expect(droppedPartitions).toContain(nameOf(daysAgo(480)))
    expect(droppedPartitions).not.toContain(nameOf(daysAgo(300)))
    expect(await partitions()).not.toContain(nameOf(daysAgo(480)))
    const countOf = async (id: string) => (await stores.findings.list(id, { limit: 10 })).items.length
    expect([await countOf(old), await countOf(young)]).toEqual([0, 1])
    expect(await stores.query('SELECT audit_id AS id FROM finding_permission')).toEqual([{ id: young }])
    expect((await run()).droppedPartitions).toEqual([])
  })

  test('keeps spans, the evidence that they use, and the summaries of audits', async () => {
    const [series] = await makeSeries(stores, ['spans-stay'])
    const first = await audit(500, series, { evidence: evidence('first'), result: 'fail' })
    await audit(490, series, { evidence: evidence('second') })
    await run()
    await later(2)
    await run()
    await later(2)
    await run()
    const { items } = await stores.history.spans(series?.targetId ?? -1, { limit: 10 })
    expect(items.map((span) => [span.result, span.evidence?.host])).toEqual([
      ['pass', 'second'],
      ['fail', 'first'],
    ])
    expect(await stores.audits.find(first)).toMatchObject({
      status: 'completed',
      verdict: 'fail',
      counts: { fail: 1 },
      progress: { done: 1, total: 1 },
    })
  })

  test('removes traces as old as the findings that are dropped, and no others', async () => {
    const ids = [retentionDays + 1, retentionDays - 1].map((days) => newUuid({ msecs: daysAgo(days).getTime() }))
    for (const [i, id] of ids.entries()) {
      const order = { id, target: null, host: '10.0.0.1', port: i + 1, compare: [], vantage: 'local', auditId: null }
      await stores.traces.create([{ ...order, requestedBy: 'test', deadlineAt: new Date() }])
      const age = i === 0 ? retentionDays + 1 : retentionDays - 1
      await stores.query(`UPDATE trace SET created_at = '${daysAgo(age).toISOString()}' WHERE id = '${id}'`)
    }
    await run()
    expect(await stores.query(`SELECT id FROM trace`)).toEqual([{ id: ids[1] }])
  })

  test('makes the partitions of this month and the next one', async () => {
    const now = new Date()
    const next = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1))
    await stores.query(`DROP TABLE IF EXISTS ${nameOf(next)}`)
    await run()
    expect(await partitions()).toEqual(expect.arrayContaining([nameOf(now), nameOf(next)]))
  })

  test('removes recorded batches and idempotency keys after a week, and no batch that waits', async () => {
    const recorded = await startAudit(stores)
    await stores.record({ ...recorded, findings: [] })
    const waiting = await startAudit(stores)
    const fresh = await startAudit(stores)
    await stores.record({ ...fresh, findings: [] })
    await stores.query(`UPDATE batch SET done_at = now() - interval '8 days' WHERE id = ${recorded.batchId}`)
    const claim = (key: string) => stores.idempotency.claim({ apiKeyId: 'k', key, bodyDigest: 'd', resource: 'r' })
    await claim('old')
    await claim('young')
    await stores.query(`UPDATE idempotent_request SET created_at = now() - interval '8 days' WHERE key = 'old'`)
    await run()
    const batches = [recorded, waiting, fresh].map(({ batchId }) => batchId)
    const left = await stores.query<{ id: number }>(`SELECT id FROM batch WHERE id IN (${batches}) ORDER BY id`)
    expect(left.map(({ id }) => id)).toEqual([waiting.batchId, fresh.batchId])
    expect(await stores.query(`SELECT key FROM idempotent_request`)).toEqual([{ key: 'young' }])
  })

  test('removes slices of ended audits, and none that is still to be planned', async () => {
    const failed = await startAudit(stores)
    const running = await startAudit(stores)
    for (const { auditId } of [failed, running]) await stores.slices.create(auditId, [[], []])
    await stores.endAudit({ id: failed.auditId, error: 'a test' })
    await run()
    expect(await stores.slices.next(failed.auditId)).toBeUndefined()
    expect(await stores.slices.next(running.auditId)).toBe(0)
  })
})

describe('evidence that nothing uses', () => {
  beforeEach(run)
  /** Evidence of a finding that was dropped, and of a span that is not there either. */
  async function leave(host: string): Promise<Series> {
    const [series] = await makeSeries(stores, [host])
    if (!series) throw new Error('no series')
    await audit(1, series, { evidence: evidence(host) })
    await stores.query(`DELETE FROM finding WHERE series_id = ${series.seriesId}`)
    await stores.query(`DELETE FROM span WHERE series_id = ${series.seriesId}`)
    return series
  }

  test('is marked by one run and removed by a later one, not by one that follows immediately', async () => {
    await leave('swept')
    await run()
    expect(await isStored('swept')).toBe(true)
    await run()
    expect(await isStored('swept')).toBe(true)
    await later(2)
    await run()
    expect(await isStored('swept')).toBe(false)
  })

  test.each([
    ['a finding', 'DELETE FROM span'],
    ['a span', 'DELETE FROM finding'],
  ])('is not, while %s uses it', async (user, statement) => {
    const host = `used by ${user}`
    const [series] = await makeSeries(stores, [host])
    await audit(1, series, { evidence: evidence(host) })
    await stores.query(`${statement} WHERE series_id = ${series?.seriesId}`)
    await run()
    await later(2)
    await run()
    expect(await isStored(host)).toBe(true)
  })

  test('is taken back by a recording that sees it again between the two runs', async () => {
    const series = await leave('again')
    await run()
    const [before] = await stores.query(`SELECT id FROM evidence WHERE content->>'host' = 'again'`)
    await audit(0, series, { evidence: evidence('again') })
    expect(
      await stores.query(`SELECT id FROM evidence WHERE content->>'host' = 'again' AND unused_since IS NULL`),
    ).toEqual([before])
    await later(2)
    await run()
    expect(await isStored('again')).toBe(true)
  })

  test('is not waited for while a recording holds it, and stays', async () => {
    await leave('held')
    await run()
    await later(2)
    const recording = new Client({ connectionString: stores.url })
    await recording.connect()
    await recording.query(`BEGIN; UPDATE evidence SET unused_since = NULL WHERE content->>'host' = 'held'`)
    await run() // would wait for the end of the recording
    await recording.query('COMMIT')
    await recording.end()
    expect(await isStored('held')).toBe(true)
  })

  test('is never removed while a recording uses it', async () => {
    const hosts = Array.from({ length: 12 }, (_, i) => `raced-${i}`)
    const series = await Promise.all(hosts.map(leave))
    for (let round = 0; round < 6; round += 1) {
      await run()
      await later(2)
      // Half of the recordings are on their way when the run begins, half of them come while it goes on.
      await Promise.all([
        ...series.slice(0, 6).map((one, i) => audit(0, one, { evidence: evidence(hosts[i] ?? '') })),
        run(),
        ...series.slice(6).map((one, i) => audit(0, one, { evidence: evidence(hosts[i + 6] ?? '') })),
      ])
      const lost = await stores.query(`SELECT f.series_id FROM finding f
        WHERE f.evidence_id <> 0 AND NOT EXISTS (SELECT FROM evidence e WHERE e.id = f.evidence_id)`)
      expect(lost).toEqual([])
      const ids = series.map(({ seriesId }) => seriesId).join()
      await stores.query(`DELETE FROM finding WHERE series_id IN (${ids})`)
      await stores.query(`DELETE FROM span WHERE series_id IN (${ids})`)
    }
  })
})

test('sends dead letters that would close an alert again, of enabled webhooks, unless something newer reports the same', async () => {
  await stores.query(`INSERT INTO webhook (id, url, events, filter, format, enabled, secret, requested_by) VALUES
    ('on', 'http://localhost', '{}', '{}', 'standard', true, '', 'test'), ('off', 'http://localhost', '{}', '{}', 'standard', false, '', 'test')`)
  await stores.query(`INSERT INTO webhook_event (id, type, payload) SELECT md5(type)::uuid, type, '{}' FROM unnest(
    '{vantage.absent,vantage.returned,schedule.resumed,schedule.missed}'::text[]) AS type`)
  await stores.query(`INSERT INTO webhook_delivery (webhook_id, event_id, lane, status) SELECT webhook, md5(type)::uuid, lane, 'dead' FROM (VALUES
    ('on', 'vantage.absent', 'vantage/a'), ('on', 'vantage.returned', 'vantage/a'), ('on', 'vantage.returned', 'vantage/b'),
    ('on', 'schedule.resumed', 'schedule/c'), ('on', 'schedule.missed', 'schedule/c'), ('on', 'vantage.absent', 'vantage/b'),
    ('off', 'vantage.returned', 'vantage/a')) AS d(webhook, type, lane)`)
  await run()
  const waiting = await stores.query(`SELECT d.webhook_id, d.lane, e.type, d.attempts FROM webhook_delivery d
    JOIN webhook_event e ON e.id = d.event_id WHERE d.status = 'waiting'`)
  expect(waiting).toEqual([{ webhook_id: 'on', lane: 'vantage/a', type: 'vantage.returned', attempts: 0 }])
})
