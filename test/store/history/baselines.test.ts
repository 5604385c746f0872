import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NotFoundError } from '../../../src/domain/errors.ts'
import type { Evidence } from '../../../src/domain/findings/evidence.ts'
import { approveBaselineItems } from '../../../src/operations/baselines/approve-items.ts'
import { maintain } from '../../../src/operations/maintenance.ts'
import type { NewFinding } from '../../../src/store/audits/record-findings.ts'
import { at, finding, makeSeries, openTestStores, policyOf, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

type Series = Awaited<ReturnType<typeof makeSeries>>[number]
const approval = { approvedBy: 'key-1', reason: 'reviewed, CHG0030001' }
const fail = { result: 'fail', reason: 'unexpected-state' } as const

async function audit(ms: number, seen: [Series | undefined, Partial<NewFinding>?][], policy = 'p'): Promise<string> {
  const findings = seen.flatMap(([series, more]) => (series ? [finding(series, ms, more)] : []))
  const targetIds = [...new Set(findings.map(({ targetId }) => targetId))]
  const started = await startAudit(stores, { targetIds, policy: policyOf(policy, 'r') })
  await stores.record({ ...started, findings })
  await stores.endAudit({ id: started.auditId })
  return started.auditId
}
const itemOf = ({ target, rule }: Series) => ({ target, policy: 'p', rule, vantage: 'local' })
/** For the target that has the name of the baseline. */
async function driftAgainst(baseline: string, ms: number): Promise<string[]> {
  const drift = await stores.drift.compare({ baseline }, { time: at(ms) }, { target: baseline })
  return (await drift.page({ limit: 100 })).items.map((item) => `${item.target} ${item.rule} ${item.class}`)
}
const statesOf = (baseline: string) =>
  stores.query<object>(`SELECT * FROM baseline_state WHERE baseline = '${baseline}' ORDER BY series_id`)

describe('a baseline', () => {
  test('approves all that an audit found, with who, why and when', async () => {
    const [a, b] = await makeSeries(stores, ['approved'], ['a', 'b'])
    const auditId = await audit(1000, [[a], [b, fail]])
    expect(await stores.baselines.approveAudit('first', auditId, approval)).toBe('made')
    const made = await stores.baselines.find('first')
    expect(made).toEqual({
      name: 'first',
      auditId,
      createdAt: expect.any(String),
      approvals: [{ ...approval, items: 2, at: expect.any(String) }],
    })
    expect(Math.abs(Date.parse(made?.approvals[0]?.at ?? '') - Date.now())).toBeLessThan(60_000)
    expect(await stores.baselines.find('second')).toBeUndefined()
  })

  test('is compared with later states, approved failures included', async () => {
    const [a, b, c] = await makeSeries(stores, ['compared'], ['a', 'b', 'c'])
    await stores.baselines.approveAudit('compared', await audit(1000, [[a], [b, fail], [c]]), approval)
    expect(await driftAgainst('compared', 1500)).toEqual([])
    await audit(2000, [[a, fail], [b, fail], [c]])
    expect(await driftAgainst('compared', 2500)).toEqual(['compared a regressed'])
    const later = await audit(3000, [[a], [b], [c]])
    const found = await stores.drift.compare({ baseline: 'compared' }, { auditId: later, tested: 'all' })
    expect(found.summary).toMatchObject({ recovered: 1, regressed: 0 })
    const back = await stores.drift.compare({ time: at(2500) }, { baseline: 'compared' })
    expect(back.summary).toMatchObject({ recovered: 1, regressed: 0 })
  })

  test('shows new targets of its policy as appeared, and says nothing of other policies', async () => {
    const [old, fresh] = await makeSeries(stores, ['old-target', 'new-target'], ['scope'])
    const [foreign] = await stores.ensureSeries('q', [{ targetId: old?.targetId ?? -1, rule: 'r', vantage: 'local' }])
    await stores.baselines.approveAudit('scoped', await audit(1000, [[old]]), approval)
    await audit(2000, [[old], [fresh]])
    await audit(2000, [[old && { ...old, seriesId: foreign?.seriesId ?? -1 }]], 'q')
    const drift = await stores.drift.compare({ baseline: 'scoped' }, { time: at(2500) }, { rule: 'scope' })
    expect((await drift.page({ limit: 9 })).items.map(({ target, class: kind }) => [target, kind])).toEqual([
      ['new-target', 'appeared'],
    ])
    const foreigners = await stores.drift.compare({ baseline: 'scoped' }, { time: at(2500) }, { policy: 'q' })
    expect(foreigners.summary.appeared).toBe(0)
  })

  test('that is removed before its approval commits is not found', async () => {
    const [series] = await makeSeries(stores, ['removed'])
    await stores.baselines.approveAudit('removed', await audit(1000, [[series]]), approval)
    await audit(2000, [[series, fail]])
    const transaction: typeof stores.transaction = async (work) => {
      await stores.baselines.remove('removed')
      return stores.transaction(work)
    }
    const request = { name: 'removed', items: series ? [itemOf(series)] : [], reason: 'a test' }
    await expect(approveBaselineItems({ stores, transaction }, request, 'key-1')).rejects.toThrow(NotFoundError)
  })

  test('has a name of its own', async () => {
    const [series] = await makeSeries(stores, ['named'])
    const auditId = await audit(1000, [[series]])
    await stores.baselines.approveAudit('taken', auditId, approval)
    const before = await statesOf('taken')
    expect(await stores.baselines.approveAudit('taken', await audit(2000, [[series, fail]]), approval)).toBe('taken')
    expect(await statesOf('taken')).toEqual(before)
    expect((await stores.baselines.find('taken'))?.approvals).toHaveLength(1)
  })

  test('of the same name by several concurrent requests is made once', async () => {
    const [series] = await makeSeries(stores, ['at-once'])
    const auditId = await audit(1000, [[series]])
    const made = await Promise.all(
      Array.from({ length: 5 }, () =>
        stores.transaction((tx) => tx.baselines.approveAudit('at-once', auditId, approval)),
      ),
    )
    expect(made.toSorted()).toEqual(['made', 'taken', 'taken', 'taken', 'taken'])
    expect((await stores.baselines.find('at-once'))?.approvals).toHaveLength(1)
  })

  test('cannot be made of an audit whose findings are not kept any more', async () => {
    const [series] = await makeSeries(stores, ['forgotten'])
    const auditId = await audit(1000, [[series]])
    await stores.query(`DELETE FROM finding WHERE audit_id = '${auditId}'`)
    expect(await stores.baselines.approveAudit('forgotten', auditId, approval)).toBe('empty')
  })

  test('survives the retention of findings, with its evidence', async () => {
    const [series] = await makeSeries(stores, ['kept'])
    const evidence: Evidence = { probe: 'tcp', host: 'kept', port: 1, addresses: {} }
    const auditId = await audit(1000, [[series, { evidence }]])
    await stores.baselines.approveAudit('kept', auditId, approval)
    await audit(2000, [[series, fail]])
    await stores.query(`DELETE FROM span WHERE series_id = ${series?.seriesId} AND to_at IS NOT NULL`)
    await stores.query(`DELETE FROM finding WHERE audit_id = '${auditId}'`)
    for (let run = 0; run < 3; run += 1) {
      await maintain({ stores, transaction: stores.transaction }, { retentionDays: 1 })
      await stores.query(`UPDATE evidence SET unused_since = unused_since - interval '2 hours'`)
    }
    const { page } = await stores.drift.compare({ baseline: 'kept' }, { time: at(9000) }, { target: 'kept' })
    const { items } = await page({ limit: 9 })
    expect(items).toMatchObject([{ class: 'regressed', at: at(2000).toISOString() }])
    expect(items[0]?.changes.find(({ path }) => path === '/evidence')).toMatchObject({ before: evidence })
  })

  test('that is removed leaves nothing, and its name is free', async () => {
    const [series] = await makeSeries(stores, ['removed'])
    const auditId = await audit(1000, [[series]])
    await stores.baselines.approveAudit('removed', auditId, approval)
    await stores.baselines.remove('removed')
    expect(await stores.baselines.find('removed')).toBeUndefined()
    expect(await statesOf('removed')).toEqual([])
    expect(await stores.baselines.approveAudit('removed', auditId, approval)).toBe('made')
  })
})

describe('approving single items', () => {
  test('moves them forward to what is true now, and only them', async () => {
    const [a, b] = await makeSeries(stores, ['forward'], ['a', 'b'])
    if (!a || !b) throw new Error('no series')
    await stores.baselines.approveAudit('forward', await audit(1000, [[a], [b]]), approval)
    await audit(2000, [
      [a, fail],
      [b, fail],
    ])
    expect(await driftAgainst('forward', 2500)).toEqual(['forward a regressed', 'forward b regressed'])
    const later = { approvedBy: 'key-2', reason: 'accepted' }
    expect(await stores.baselines.approveItems('forward', [itemOf(a)], later)).toEqual([])
    expect(await driftAgainst('forward', 2500)).toEqual(['forward b regressed'])
    expect((await stores.baselines.find('forward'))?.approvals).toMatchObject([
      { ...later, items: 1 },
      { ...approval, items: 2 },
    ])
  })

  test('takes a new series in, and lets one that left the scope go', async () => {
    const [goes, comes] = await makeSeries(stores, ['in-out'], ['goes', 'comes'])
    if (!goes || !comes) throw new Error('no series')
    await stores.baselines.approveAudit('in-out', await audit(1000, [[goes]]), approval)
    await audit(2000, [[comes]])
    await stores.query(`UPDATE span SET to_at = '${at(2000).toISOString()}' WHERE series_id = ${goes.seriesId}`)
    const drift = () => driftAgainst('in-out', 2500)
    expect(await drift()).toEqual(['in-out goes vanished', 'in-out comes appeared'])
    expect(await stores.baselines.approveItems('in-out', [itemOf(goes), itemOf(comes)], approval)).toEqual([])
    expect(await drift()).toEqual([])
  })

  test('moves all of them or none, and returns the indexes of unknown items', async () => {
    const [a] = await makeSeries(stores, ['all-or-none'], ['a', 'never-seen'])
    if (!a) throw new Error('no series')
    await stores.baselines.approveAudit('all-or-none', await audit(1000, [[a]]), approval)
    await audit(2000, [[a, fail]])
    const before = await statesOf('all-or-none')
    const unknown = [
      { ...itemOf(a), target: 'no-such-target' },
      { ...itemOf(a), rule: 'never-seen' },
    ]
    const items = [itemOf(a), ...unknown]
    expect(await stores.baselines.approveItems('all-or-none', items, approval)).toEqual([1, 2])
    expect(await statesOf('all-or-none')).toEqual(before)
    expect((await stores.baselines.find('all-or-none'))?.approvals).toHaveLength(1)
  })

  test('named twice moves them once', async () => {
    const [a] = await makeSeries(stores, ['twice'])
    if (!a) throw new Error('no series')
    await stores.baselines.approveAudit('twice', await audit(1000, [[a]]), approval)
    await audit(2000, [[a, fail]])
    expect(await stores.baselines.approveItems('twice', [itemOf(a), itemOf(a)], approval)).toEqual([])
    expect(await driftAgainst('twice', 2500)).toEqual([])
  })
})

test('baselines are listed by name, in pages', async () => {
  const [series] = await makeSeries(stores, ['listed'])
  const auditId = await audit(1000, [[series]])
  for (const name of ['zz-c', 'zz-a', 'zz-b']) await stores.baselines.approveAudit(name, auditId, approval)
  const cursor = Buffer.from(JSON.stringify(['zz'])).toString('base64url')
  const first = await stores.baselines.list({ limit: 2, cursor })
  const rest = await stores.baselines.list({ limit: 2, cursor: first.next ?? '' })
  expect([...first.items, ...rest.items].map(({ name }) => name)).toEqual(['zz-a', 'zz-b', 'zz-c'])
  expect(rest.next).toBeNull()
})
