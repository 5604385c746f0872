import { v7 as newUuid } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NewFinding } from '../../../src/store/audits/record-findings.ts'
import type { DriftFilter, DriftItem, PointInTime } from '../../../src/store/history/drift.ts'
import { at, finding, makeSeries, openTestStores, policyOf, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

type Series = Awaited<ReturnType<typeof makeSeries>>[number]
interface AuditSelection {
  targetIds?: number[]
  vantages?: string[]
  id?: string
  policy?: string
}

/** An audit of these series at this time. Its targets are theirs, unless others are given. */
async function audit(
  ms: number,
  seen: [Series | undefined, Partial<NewFinding>?][],
  request: AuditSelection = {},
): Promise<string> {
  const findings = seen.flatMap(([series, more]) => (series ? [finding(series, ms, more)] : []))
  const { vantages = [], policy = 'p', ...rest } = request
  const targetIds = [...new Set(findings.map(({ targetId }) => targetId))]
  const started = await startAudit(stores, {
    targetIds,
    policy: policyOf(policy, 'r'),
    total: findings.length,
    ...rest,
  })
  await stores.db.audit.update({ where: { id: started.auditId }, data: { vantages } })
  await stores.record({ ...started, findings })
  await stores.endAudit({ id: started.auditId })
  return started.auditId
}

async function pointInTimeOf(auditId: string): Promise<PointInTime> {
  const found = await stores.drift.pointInTimeOf(auditId)
  if (!found) throw new Error(`there is no audit ${auditId}`)
  return found.point
}
const between = async (from: PointInTime, to: PointInTime, filter: DriftFilter = {}): Promise<DriftItem[]> =>
  (await (await stores.drift.compare(from, to, filter)).page({ limit: 100 })).items
const linesOf = (items: readonly DriftItem[]) =>
  items.map(({ target, rule, class: kind, cause }) => `${target} ${rule} ${kind} ${cause}`)
const fail = { result: 'fail', reason: 'unexpected-state' } as const

describe('a series that the later audit does not have', () => {
  test('has vanished when the audit includes its target, but not its rule or vantage', async () => {
    const [stays, goes] = await makeSeries(stores, ['rule-gone'], ['stays', 'goes'])
    const one = await pointInTimeOf(await audit(1000, [[stays], [goes, fail]]))
    const other = await pointInTimeOf(await audit(2000, [[stays]]))
    expect(linesOf(await between(one, other))).toEqual(['rule-gone goes vanished scope'])
    expect(await between(one, other)).toMatchObject([
      { significance: 'notice', at: at(2000).toISOString(), before: { result: 'fail' }, after: null, changes: [] },
    ])
  })

  test('has vanished when its target is not among those of the audit', async () => {
    const [a, b] = await makeSeries(stores, ['kept-target', 'lost-target'])
    const one = await pointInTimeOf(await audit(1000, [[a], [b]]))
    const other = await pointInTimeOf(await audit(2000, [[a]]))
    expect(linesOf(await between(one, other))).toEqual(['lost-target r vanished scope'])
  })

  test('is obscured when the audit ended before it was planned', async () => {
    const [known, failing, unknown] = await makeSeries(stores, ['unplanned'], ['known', 'failing', 'unknown'])
    const seen: Parameters<typeof audit>[1] = [[known], [failing, fail], [unknown, { result: 'unknown' }]]
    const one = await pointInTimeOf(await audit(1000, seen))
    for (const error of [undefined, 'it could not be planned']) {
      const id = newUuid()
      const { stored } = await stores.policies.put(policyOf('p', 'r'))
      const order = { id, targetIds: [known?.targetId ?? -1], policyId: stored.id, vantages: [], params: {} }
      await stores.audits.create({ ...order, trigger: 'test', requestedBy: 'test' })
      await stores.audits.requestCancel(id)
      await stores.endAudit({ id, error })
      const items = await between(one, await pointInTimeOf(id))
      expect(linesOf(items)).toEqual(['unplanned known obscured environment', 'unplanned failing obscured environment'])
      expect(linesOf(await between(await pointInTimeOf(id), one))).toEqual([
        'unplanned known clarified environment',
        'unplanned failing clarified environment',
      ])
    }
  })

  test('is obscured while the audit runs and has not come to it', async () => {
    const [seen, waiting] = await makeSeries(stores, ['running'], ['seen', 'waiting'])
    const one = await pointInTimeOf(await audit(1000, [[seen], [waiting]]))
    const started = await startAudit(stores, { targetIds: [seen?.targetId ?? -1], total: 2 })
    await stores.record({ ...started, batchId: null, findings: seen ? [finding(seen, 2000, fail)] : [] })
    expect(linesOf(await between(one, await pointInTimeOf(started.auditId)))).toEqual([
      'running seen regressed environment',
      'running waiting obscured environment',
    ])
  })

  test('is obscured when the audit chose vantages, and its own is not among them', async () => {
    const [here, there] = await makeSeries(stores, ['chosen'], ['here', 'there'])
    const [moved] = await stores.ensureSeries('p', [
      { targetId: there?.targetId ?? -1, rule: 'there', vantage: 'elsewhere' },
    ])
    const elsewhere = there && { ...there, seriesId: moved?.seriesId ?? -1 }
    const one = await pointInTimeOf(await audit(1000, [[here], [elsewhere]]))
    const other = await pointInTimeOf(await audit(2000, [[here, fail]], { vantages: ['local'] }))
    expect(linesOf(await between(one, other))).toEqual([
      'chosen here regressed environment',
      'chosen there obscured environment',
    ])
    const whole = await pointInTimeOf(await audit(3000, [[here, fail]]))
    expect(linesOf(await between(one, whole, { rule: 'there' }))).toEqual(['chosen there vanished scope'])
  })
})

describe('an audit and a time', () => {
  test('are compared within the scope of the audit: its targets and its policy', async () => {
    const [mine, other] = await makeSeries(stores, ['mine', 'not-mine'])
    const [foreign] = await stores.ensureSeries('q', [{ targetId: mine?.targetId ?? -1, rule: 'r', vantage: 'local' }])
    const ofQ = mine && { ...mine, seriesId: foreign?.seriesId ?? -1 }
    await audit(1000, [[mine], [other]])
    await audit(1000, [[ofQ]], { policy: 'q' })
    const found = await pointInTimeOf(await audit(2000, [[mine, fail]]))
    await audit(3000, [[other, fail]])
    await audit(3000, [[ofQ, fail]], { policy: 'q' })
    const time = (ms: number): PointInTime => ({ time: at(ms) })
    expect(linesOf(await between(time(1500), found))).toEqual(['mine r regressed environment'])
    expect(linesOf(await between(found, time(9000)))).toEqual([])
    expect(linesOf(await between(found, time(1500)))).toEqual(['mine r recovered environment'])
  })
})

describe('an audit whose findings retention has dropped', () => {
  test('is taken from the spans of its time, within its scope', async () => {
    const [mine, other] = await makeSeries(stores, ['dropped', 'dropped-other'])
    const kept = await pointInTimeOf(await audit(500, [[mine, fail], [other]]))
    const old = await audit(1000, [[mine], [other, fail]])
    const partly = await audit(1500, [[mine]])
    await audit(2000, [[mine, fail], [other]])
    const now = await pointInTimeOf(await audit(3000, [[mine, fail], [other]]))
    // How often it flaps is of its last findings, which are gone too.
    const items = async (from: PointInTime, to: PointInTime) =>
      (await between(from, to)).map(({ flapping: _, ...item }) => item)
    const before = [await items(await pointInTimeOf(old), now), await items(kept, await pointInTimeOf(old))]
    await stores.query(`DELETE FROM finding WHERE audit_id IN ('${old}', '${partly}')`)
    const summary = await stores.audits.find(old)
    expect(summary).toMatchObject({ status: 'completed', counts: { pass: 1, fail: 1 }, progress: { done: 2 } })
    expect([await items(await pointInTimeOf(old), now), await items(kept, await pointInTimeOf(old))]).toEqual(before)
    expect(linesOf(await between(await pointInTimeOf(old), await pointInTimeOf(partly)))).toEqual([
      'dropped-other r vanished scope',
    ])
  })
})

describe('a series that left the scope between two times', () => {
  test('has vanished when its span ended, at that time', async () => {
    const [series] = await makeSeries(stores, ['ended'])
    await audit(1000, [[series, fail]])
    await stores.query(`UPDATE span SET to_at = '${at(5000).toISOString()}' WHERE series_id = ${series?.seriesId}`)
    const time = (ms: number): PointInTime => ({ time: at(ms) })
    expect(await between(time(4000), time(9000), { target: 'ended' })).toMatchObject([
      { class: 'vanished', cause: 'scope', at: at(5000).toISOString() },
    ])
    expect(await between(time(9000), time(4000), { target: 'ended' })).toMatchObject([
      { class: 'appeared', cause: 'scope', at: at(1000).toISOString() },
    ])
  })
})

describe('a drift of more differences than are held in memory', () => {
  test('counts and pages as a small one does', async () => {
    const count = 5_100
    const names = Array.from({ length: count }, (_, i) => `many-${String(i).padStart(4, '0')}`)
    const series = await makeSeries(stores, names)
    const one = await pointInTimeOf(
      await audit(
        1000,
        series.map((s) => [s]),
      ),
    )
    const other = await pointInTimeOf(
      await audit(
        2000,
        series.map((s, i) => [s, i % 3 === 0 ? fail : { result: 'unknown' }]),
      ),
    )
    const drift = await stores.drift.compare(one, other)
    expect(drift.summary).toMatchObject({ regressed: 1_700, obscured: 3_400, appeared: 0 })
    const walk = async (filter: DriftFilter) => {
      const { page } = await stores.drift.compare(one, other, filter)
      const walked: string[] = []
      for (let cursor: string | undefined; ; ) {
        const { items, next } = await page({ limit: 1_000, cursor })
        walked.push(...items.map((item) => `${item.target} ${item.class}`))
        if (next === null) return walked
        cursor = next
      }
    }
    const expected = names.map((name, i) => `${name} ${i % 3 === 0 ? 'regressed' : 'obscured'}`)
    expect(await walk({})).toEqual(expected)
    // Few enough to be held: the other way through must say the same.
    expect(await walk({ class: 'regressed' })).toEqual(expected.filter((line) => line.endsWith('regressed')))
    expect(await walk({ class: 'vanished' })).toEqual([])
  })
})
