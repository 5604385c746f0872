import { afterAll, beforeAll, expect, test } from 'vitest'
import type { NewFinding } from '../../../src/store/audits/record-findings.ts'
import type { MatrixFilter, MatrixOrder } from '../../../src/store/history/matrix.ts'
import { InvalidCursorError } from '../../../src/store/query/cursor-page.ts'
import { at, finding, makeSeries, openTestStores, policyOf, startAudit, type TestStores } from '../../support/stores.ts'

const fail = { result: 'fail', state: 'open', reason: 'unexpected-state' } as const
const unknown = { result: 'unknown', state: 'unknown', reason: 'dns-unavailable' } as const
const notchecked = { result: 'notchecked', state: 'unknown', reason: 'no-vantage-in-zone' } as const
const names = ['epp-1', 'epp-2', 'web-1', 'web-2']
const rules = ['https', 'ssh']

let stores: TestStores
let series: Awaited<ReturnType<typeof makeSeries>>
beforeAll(async () => {
  stores = await openTestStores()
  const document = policyOf('p', ...rules)
  const { stored } = await stores.policies.put({
    ...document,
    rules: document.rules.map((rule) => (rule.id === 'ssh' ? { ...rule, severity: 'high' } : rule)),
  })
  await stores.db.policy.update({ where: { id: stored.id }, data: { createdAt: at(0) } })
  series = await makeSeries(stores, names, rules)
  await stores.targets.save([
    { name: 'epp-1', address: '10.0.0.1', labels: { site: 'hq' }, externalId: 'CI-100%' },
    { name: 'epp-2', address: '10.0.0.2', labels: { site: 'hq' } },
    { name: 'web-1', address: '192.0.2.1', labels: { site: 'lab' } },
  ])
  await record(1000, { 'epp-1 https': {}, 'epp-1 ssh': fail, 'epp-2 https': {}, 'epp-2 ssh': {}, 'web-1 https': fail })
  await record(2000, {
    'epp-1 https': fail,
    'epp-1 ssh': {},
    'web-1 https': {},
    'web-1 ssh': unknown,
    'web-2 ssh': notchecked,
  })
})
afterAll(() => stores.close())

async function record(ms: number, seen: Record<string, Partial<NewFinding>>): Promise<void> {
  const findings = Object.entries(seen).map(([name, more]) => {
    const one = series.find(({ target, rule }) => `${target} ${rule}` === name)
    if (!one) throw new Error(`no series ${name}`)
    return finding(one, ms, more)
  })
  const started = await startAudit(stores, { targetIds: [...new Set(findings.map(({ targetId }) => targetId))] })
  await stores.record({ ...started, findings })
}

const matrix = (ms: number, filter: MatrixFilter = {}, order: MatrixOrder = 'name') =>
  stores.matrix.page(at(ms), filter, { order, limit: 100 })
const rowsAt = async (...given: Parameters<typeof matrix>) => (await matrix(...given)).rows.map((row) => row.join(' '))

test('the matrix has what was true at a point in time, in the order of its columns', async () => {
  const { columns, rows, totals, next } = await matrix(1000)
  expect(columns).toEqual([
    { policy: 'p', rule: 'https', vantage: 'local', zones: [], severity: 'low' },
    { policy: 'p', rule: 'ssh', vantage: 'local', zones: [], severity: 'high' },
  ])
  expect(rows).toEqual([
    ['epp-1', 'pofo'],
    ['epp-2', 'popo'],
    ['web-1', 'fo--'],
  ])
  expect([totals.targets, totals.waived, totals.counts.pass, totals.counts.fail, next]).toEqual([3, 0, 3, 2, null])
  expect(totals.columns.map(({ pass, fail }) => [pass, fail])).toEqual([
    [2, 1],
    [1, 1],
  ])
  expect(await rowsAt(2500)).toEqual(['epp-1 fopo', 'epp-2 popo', 'web-1 pou-', 'web-2 --n-'])
  expect(await matrix(500)).toMatchObject({ columns: [], rows: [], totals: { targets: 0 } })
})

test('its rows are selected by labels, text and result, and its columns and totals follow', async () => {
  expect(await rowsAt(2500, { labels: { site: 'hq' } })).toEqual(['epp-1 fopo', 'epp-2 popo'])
  expect(await rowsAt(2500, { text: 'EPP' })).toEqual(['epp-1 fopo', 'epp-2 popo'])
  expect(await rowsAt(2500, { text: '192.0' })).toEqual(['web-1 pou-'])
  expect(await rowsAt(2500, { text: '0%' })).toEqual(['epp-1 fopo'])
  expect(await rowsAt(2500, { text: '_' })).toEqual([])
  expect(await rowsAt(2500, { policy: 'q' })).toEqual([])
  const failing = await matrix(2500, { result: 'fail' })
  expect([failing.rows, failing.totals.targets, failing.totals.counts.unknown]).toEqual([[['epp-1', 'fopo']], 1, 0])
  const unchecked = await matrix(2500, { result: 'notchecked' })
  expect([unchecked.columns.map(({ rule }) => rule), unchecked.rows]).toEqual([['ssh'], [['web-2', 'n-']]])
})

test('pages by name and by the worst follow each other without gap, and refuse the cursor of the other order', async () => {
  const orders = { name: ['epp-1', 'epp-2', 'web-1', 'web-2'], worst: ['epp-1', 'web-1', 'epp-2'] } as const
  for (const [ms, order] of [
    [2500, 'name'],
    [1500, 'worst'],
  ] as const) {
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await stores.matrix.page(at(ms), {}, { order, limit: 1, ...(cursor ? { cursor } : {}) })
      seen.push(...page.rows.map(([name]) => name))
      expect([page.columns.length, page.totals.targets]).toEqual([2, orders[order].length])
      cursor = page.next ?? undefined
    } while (cursor)
    expect(seen).toEqual(orders[order])
  }
  const { next } = await stores.matrix.page(at(2500), {}, { order: 'name', limit: 1 })
  await expect(stores.matrix.page(at(2500), {}, { order: 'worst', limit: 1, cursor: next ?? '' })).rejects.toThrow(
    InvalidCursorError,
  )
})

test('a waiver or a window in force makes a capital, for its targets and rules alone, and only then', async () => {
  const [id, windowId] = ['01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000002']
  const permission = { policy: 'p', rules: ['ssh'], reason: 'r', requestedBy: 'k' }
  await stores.waivers.create({ ...permission, id, targets: ['epp-1'], expiresAt: at(1800) })
  await stores.windows.create({
    ...{ ...permission, id: windowId, targets: { labels: { site: 'hq' } }, params: {} },
    ...{ from: at(2000), to: at(9000), ticket: 'CHG1' },
  })
  expect(await rowsAt(1500)).toEqual(['epp-1 pofo', 'epp-2 popo', 'web-1 fo--'])
  await stores.waivers.approve(id, 'other', at(1200))
  await stores.windows.approve(windowId, 'other', at(2100))
  expect(await rowsAt(1100)).toEqual(['epp-1 pofo', 'epp-2 popo', 'web-1 fo--'])
  expect(await rowsAt(1500)).toEqual(['epp-1 poFo', 'epp-2 popo', 'web-1 fo--'])
  expect((await matrix(1500)).totals).toMatchObject({ waived: 1, counts: { fail: 2 } })
  expect((await matrix(1500, {}, 'worst')).rows[0]).toEqual(['web-1', 'fo--'])
  expect(await rowsAt(1900)).toEqual(['epp-1 pofo', 'epp-2 popo', 'web-1 fo--'])
  expect(await rowsAt(2050)).toEqual(['epp-1 fopo', 'epp-2 popo', 'web-1 pou-', 'web-2 --n-'])
  expect(await rowsAt(2500)).toEqual(['epp-1 foPo', 'epp-2 poPo', 'web-1 pou-', 'web-2 --n-'])
})

test('an age is the whole days since the last audit of a target, up to nine or more', async () => {
  const dayMs = 86_400_000
  const agesAt = async (ms: number) => {
    const { ages } = await stores.matrix.page(at(ms), {}, { order: 'name', limit: 100, ages: true })
    return ages
  }
  expect(await agesAt(2500)).toEqual(['00', '00', '00', '00'])
  expect(await agesAt(1500 + dayMs)).toEqual(['00', '11', '00', '00'])
  expect(await agesAt(2500 + 20 * dayMs)).toEqual(['99', '99', '99', '99'])
  expect((await matrix(2500)).ages).toBeUndefined()
})

test('vantages disagree where a rule passes from one and fails from another, and nowhere else', async () => {
  await stores.vantages.announce({ name: 'branch', zones: [] })
  const ofBranch = series.filter(({ target }) => target === 'epp-1' || target === 'epp-2')
  const keys = ofBranch.map(({ target, rule, targetId }) => ({ target, rule, targetId, vantage: 'branch' }))
  const made = await stores.ensureSeries('p', keys)
  const findings = ofBranch.map((one, index) => {
    const isPass = one.target === 'epp-1' && one.rule === 'https'
    const isTwo = one.target === 'epp-2' && one.rule === 'ssh'
    return finding({ ...one, seriesId: made[index]?.seriesId ?? -1 }, 6000, isPass || isTwo ? {} : unknown)
  })
  const started = await startAudit(stores, { targetIds: [...new Set(findings.map(({ targetId }) => targetId))] })
  await stores.record({ ...started, findings })
  const { rows, totals } = await matrix(7000, { disagree: true })
  expect([rows.map(([name]) => name), totals.targets]).toEqual([['epp-1'], 1])
  expect((await matrix(7000, { disagree: true, result: 'notchecked' })).rows).toEqual([])
})

test('a key of a team gets its own targets, columns and totals', async () => {
  const { matrix: own } = stores.within({ site: 'lab' })
  const page = await own.page(at(1000), {}, { order: 'name', limit: 10 })
  expect([page.columns.length, page.rows, page.totals.targets]).toEqual([1, [['web-1', 'fo']], 1])
})
