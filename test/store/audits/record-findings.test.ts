import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Evidence } from '../../../src/domain/findings/evidence.ts'
import { at, auditIds, finding, makeSeries, openTestStores, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

let made = 0
const newSeries = async () => {
  made += 1
  const [series] = await makeSeries(stores, [`target-${made}`])
  if (!series) throw new Error('no series')
  return series
}
type Series = Awaited<ReturnType<typeof newSeries>>

/** Records one finding in an audit of its own, made at that index in the order of audits. */
async function observe(series: Series, atMs: number, more: Parameters<typeof finding>[2] = {}, id?: string) {
  const started = await startAudit(stores, { ...(id ? { id } : {}), total: 1 })
  return { ...started, progress: await stores.record({ ...started, findings: [finding(series, atMs, more)] }) }
}

interface SpanRow {
  from: Date
  to: Date | null
  result: number
  evidence: number
  version: string
}
/** With the transaction that wrote each row last: an untouched row keeps it. */
const spansOf = ({ seriesId }: Series) =>
  stores.query<SpanRow>(`SELECT from_at AS from, to_at AS to, result, evidence_id AS evidence, xmin::text AS version
    FROM span WHERE series_id = ${seriesId} ORDER BY from_at`)
const flagsOf = async ({ seriesId }: Series) =>
  (
    await stores.query<{ flags: number }>(
      `SELECT flags FROM finding WHERE series_id = ${seriesId} ORDER BY observed_at, audit_id`,
    )
  ).map(({ flags }) => flags)
const periods = async (series: Series) =>
  (await spansOf(series)).map(({ from, to }) => [
    from.getTime() - at(0).getTime(),
    to && to.getTime() - at(0).getTime(),
  ])

const evidence = (state: 'open' | 'closed', host = 'epp.test'): Evidence => ({
  probe: 'tcp',
  host,
  port: 22,
  addresses: { '10.0.0.1': { state, reason: 'tcp-connected', facts: {} } },
})

describe('a span', () => {
  test('opens with the first finding of its series, and lasts', async () => {
    const series = await newSeries()
    await observe(series, 1000)
    expect(await periods(series)).toEqual([[1000, null]])
  })

  test('is not written again while nothing changes, in any number of audits and with any latency', async () => {
    const series = await newSeries()
    await observe(series, 1000, { evidence: evidence('open'), latencyMs: 1 })
    const before = await spansOf(series)
    await observe(series, 2000, { evidence: evidence('open'), latencyMs: 900, attempts: 3 })
    await observe(series, 3000, { evidence: evidence('open'), latencyMs: null, indirect: true })
    expect(await spansOf(series)).toEqual(before)
    expect(await flagsOf(series)).toEqual([0, 0, 1])
  })

  test.each([
    ['the result', { result: 'fail' }],
    ['the state', { state: 'filtered' }],
    ['the reason', { reason: 'no-response' }],
    ['the evidence', { evidence: evidence('closed') }],
  ] as const)('ends, and another begins, at the time when %s changes', async (_, change) => {
    const series = await newSeries()
    await observe(series, 1000, { evidence: evidence('open') })
    await observe(series, 2000, { evidence: evidence('open'), ...change })
    await observe(series, 3000, { evidence: evidence('open'), ...change })
    await observe(series, 4000, { evidence: evidence('open') })
    expect(await periods(series)).toEqual([
      [1000, 2000],
      [2000, 4000],
      [4000, null],
    ])
  })

  test('names the audit that opened it', async () => {
    const series = await newSeries()
    const { auditId } = await observe(series, 1000)
    await observe(series, 2000)
    expect(await stores.query(`SELECT audit_id FROM span WHERE series_id = ${series.seriesId}`)).toEqual([
      { audit_id: auditId },
    ])
  })
})

describe('a late finding', () => {
  test('is kept and flagged, and changes no span', async () => {
    const series = await newSeries()
    const [older, newer] = auditIds(2)
    await observe(series, 2000, { result: 'fail' }, newer)
    const before = await spansOf(series)
    const { progress } = await observe(series, 1000, { result: 'pass' }, older)
    expect(progress.done).toBe(1)
    expect(await spansOf(series)).toEqual(before)
    expect(await flagsOf(series)).toEqual([2, 0])
  })

  test('is late although its audit is the newer one, when the older audit probed later', async () => {
    const series = await newSeries()
    const [older, newer] = auditIds(2)
    await observe(series, 1000)
    await observe(series, 3000, {}, older) // as before: no span is written, and nothing but the finding knows
    await observe(series, 2000, { result: 'fail' }, newer)
    expect(await periods(series)).toEqual([[1000, null]])
    expect(await flagsOf(series)).toEqual([0, 2, 0])
  })

  test('is one of the same millisecond too, so that the first that is recorded counts', async () => {
    const series = await newSeries()
    await observe(series, 1000, { result: 'pass' })
    await observe(series, 1000, { result: 'fail' })
    expect((await spansOf(series)).map(({ result }) => result)).toEqual([0])
    expect((await flagsOf(series)).sort()).toEqual([0, 2])
  })

  test('of one series leaves the other series of its batch as they are', async () => {
    const [late, fresh] = await makeSeries(stores, ['mixed'], ['late', 'fresh'])
    if (!late || !fresh) throw new Error('no series')
    await observe(late, 5000)
    const started = await startAudit(stores, { total: 2 })
    await stores.record({ ...started, findings: [finding(late, 4000, { result: 'fail' }), finding(fresh, 4000)] })
    expect(await periods(late)).toEqual([[5000, null]])
    expect(await periods(fresh)).toEqual([[4000, null]])
    expect([await flagsOf(late), await flagsOf(fresh)]).toEqual([[2, 0], [0]])
  })
})

describe('a batch', () => {
  const rowsOf = (auditId: string) =>
    Promise.all([
      stores.query(`SELECT *, xmin::text FROM finding WHERE audit_id = '${auditId}' ORDER BY series_id`),
      stores.query(`SELECT *, xmin::text FROM batch WHERE audit_id = '${auditId}'`),
      stores.query(`SELECT * FROM audit WHERE id = '${auditId}'`),
    ])

  test('counts findings, the batches that are left, and the newest observation', async () => {
    const series = await makeSeries(stores, ['counted'], ['a', 'b', 'c'])
    const started = await startAudit(stores, { total: 3 })
    const [second = -1] = await stores.batches.create([
      { auditId: started.auditId, vantage: 'local', vantageId: 1, rules: [], checks: [] },
    ])
    await stores.audits.start(started.auditId, { total: 3, batches: 2 })
    const [a, b, c] = series.map((one, i) => finding(one, 1000 * (3 - i)))
    if (!a || !b || !c) throw new Error('no findings')
    expect(await stores.record({ ...started, findings: [a, b] })).toMatchObject({ done: 2, total: 3, batchesLeft: 1 })
    expect(await stores.audits.isRecorded(started.auditId)).toBe(false)
    expect(await stores.record({ ...started, batchId: second, findings: [c] })).toMatchObject({
      done: 3,
      batchesLeft: 0,
    })
    expect(await stores.audits.isRecorded(started.auditId)).toBe(true)
    expect((await stores.drift.pointInTimeOf(started.auditId))?.at).toEqual(at(3000))
  })

  test('changes what is indexed of its audit a few times, however many there are', async () => {
    const rounds = 64
    const rules = Array.from({ length: rounds }, (_, i) => `r${i}`)
    const series = await makeSeries(stores, ['bounded'], rules)
    const { auditId, batchId } = await startAudit(stores, { total: rounds })
    const bounds = new Set<number>()
    for (const [i, one] of series.entries()) {
      // Batches of two vantages, one of them behind.
      const atMs = 1000 * (i % 2 === 0 ? i + 1 : Math.ceil(i / 2))
      await stores.record({ auditId, batchId: i === 0 ? batchId : null, findings: [finding(one, atMs)] })
      const [row] = await stores.query<{ bound: Date; until: Date }>(
        `SELECT observed_bound AS bound, observed_until AS until FROM audit WHERE id = '${auditId}'`,
      )
      expect(row?.bound.getTime()).toBeGreaterThanOrEqual(row?.until.getTime() ?? Number.NaN)
      bounds.add(row?.bound.getTime() ?? Number.NaN)
    }
    expect(bounds.size).toBeLessThanOrEqual(2 + Math.log2(rounds))
  })

  test('that is delivered twice changes nothing, with any second observation', async () => {
    const series = await makeSeries(stores, ['twice'], ['a', 'b', 'c'])
    const started = await startAudit(stores, { total: 3 })
    const first = await stores.record({ ...started, findings: series.map((one) => finding(one, 1000)) })
    const before = await rowsOf(started.auditId)
    const again = series.map((one) => finding(one, 9000, { result: 'fail', evidence: evidence('closed', 'twice') }))
    expect(await stores.record({ ...started, findings: again })).toEqual({ ...first, isFirst: false })
    expect(await rowsOf(started.auditId)).toEqual(before)
    for (const one of series) expect(await periods(one)).toEqual([[1000, null]])
  })

  test('that is delivered to several workers concurrently counts once', async () => {
    const series = await makeSeries(stores, ['at-once'], ['a', 'b', 'c'])
    const started = await startAudit(stores, { total: 3 })
    const results = ['pass', 'fail', 'unknown', 'error'] as const
    const responses = await Promise.all(
      results.map((result, i) =>
        stores.record({ ...started, findings: series.map((one) => finding(one, i, { result })) }),
      ),
    )
    for (const response of responses) expect(response).toMatchObject({ done: 3, batchesLeft: 0 })
    const recorded = await stores.query<{ result: number }>(
      `SELECT DISTINCT result FROM finding WHERE audit_id = '${started.auditId}'`,
    )
    expect(recorded).toHaveLength(1)
    for (const one of series) expect(await spansOf(one)).toHaveLength(1)
  })

  test('is emptied when it is recorded, and cannot be found open any more', async () => {
    const { batchId } = await observe(await newSeries(), 1000)
    expect(await stores.batches.findOpen(batchId)).toBeUndefined()
    expect(await stores.query(`SELECT checks FROM batch WHERE id = ${batchId}`)).toEqual([{ checks: [] }])
  })

  test('leaves nothing when the transaction around it is rolled back', async () => {
    const series = await newSeries()
    const started = await startAudit(stores, { total: 1 })
    const work = stores.transaction(async (tx) => {
      await tx.record({ ...started, findings: [finding(series, 1000, { evidence: evidence('open', 'rolled-back') })] })
      throw new Error('changed its mind')
    })
    await expect(work).rejects.toThrow('changed its mind')
    expect(await spansOf(series)).toEqual([])
    expect(await flagsOf(series)).toEqual([])
    expect(await stores.record({ ...started, findings: [finding(series, 1000)] })).toMatchObject({ done: 1 })
  })

  test('of an audit that does not exist is an error', async () => {
    const [auditId = ''] = auditIds(1)
    await expect(stores.record({ auditId, batchId: null, findings: [] })).rejects.toThrow('does not exist')
  })
})

describe('evidence', () => {
  const idsOf = (host: string) => stores.query(`SELECT id FROM evidence WHERE content->>'host' = '${host}'`)

  test('is stored once for equal content, in any order of its members', async () => {
    const [one, other] = [await newSeries(), await newSeries()]
    const content = evidence('open', 'once')
    const { addresses, port, host, probe } = content
    await observe(one, 1000, { evidence: content })
    await observe(other, 1000, { evidence: { addresses, port, host, probe } })
    await observe(one, 2000, { evidence: structuredClone(content) })
    expect(await idsOf('once')).toHaveLength(1)
  })

  test('is stored once when many audits see it for the first time concurrently', async () => {
    const series = await makeSeries(
      stores,
      Array.from({ length: 20 }, (_, i) => `sees-${i}`),
    )
    await Promise.all(series.map((one) => observe(one, 1000, { evidence: evidence('open', 'together') })))
    expect(await idsOf('together')).toHaveLength(1)
    const linked = await stores.query<{ count: string }>(
      `SELECT count(*) FROM finding f JOIN evidence e ON e.id = f.evidence_id WHERE e.content->>'host' = 'together'`,
    )
    expect(linked).toEqual([{ count: '20' }])
  })
})

describe('a finding', () => {
  test('keeps whole milliseconds of latency, none where nothing was dialled, and no number that does not fit', async () => {
    const seen = [
      { latencyMs: 1.4, attempts: 1 },
      { latencyMs: 0.2, attempts: 3 },
      { latencyMs: null, attempts: 0 },
      { latencyMs: 99_999, attempts: 99_999 },
    ]
    const series = await makeSeries(stores, ['timed'], ['a', 'b', 'c', 'd'])
    const started = await startAudit(stores, { total: 4 })
    await stores.record({ ...started, findings: series.map((one, i) => finding(one, 1000, seen[i])) })
    const { items } = await stores.findings.list(started.auditId, { limit: 10 })
    expect(items.map(({ finding: { latencyMs, attempts } }) => [latencyMs, attempts])).toEqual([
      [1, 1],
      [0, 3],
      [null, 0],
      [32_767, 32_767],
    ])
  })
})
