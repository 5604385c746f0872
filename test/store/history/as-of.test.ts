import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createChangeStore } from '../../../src/store/history/as-of.ts'
import { finding, makeSeries, openTestStores, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

const now = async () => {
  const [row] = await stores.query<{ at: Date }>('SELECT now() AS at')
  return row?.at.getTime() ?? Number.NaN
}

test('asOf is no later than the start of any transaction that still runs, and now where none does', async () => {
  const changes = createChangeStore(stores.db, { marginMs: 0 })
  const before = await now()
  expect(Date.parse(await changes.asOf())).toBeGreaterThanOrEqual(before)
  const other = new pg.Client({ connectionString: stores.url })
  await other.connect()
  try {
    await other.query('BEGIN')
    const started = (await other.query<{ at: Date }>('SELECT now() AS at')).rows[0]?.at.getTime() ?? Number.NaN
    while ((await now()) <= started) await stores.query('SELECT 1')
    expect(Date.parse(await changes.asOf())).toBe(started)
    await other.query('COMMIT')
    expect(Date.parse(await changes.asOf())).toBeGreaterThan(started)
  } finally {
    await other.end()
  }
})

test('asOf leaves a margin for clocks', async () => {
  expect(Date.parse(await stores.changes.asOf())).toBeLessThanOrEqual((await now()) - 1_900)
})

test('a span that ends gets a new change time: by a recording, a plan without it, or a retired target', async () => {
  const series = await makeSeries(stores, ['one', 'two', 'three'])
  const record = async (ms: number, result: 'pass' | 'fail', some = series) => {
    const started = await startAudit(stores, { targetIds: some.map(({ targetId }) => targetId) })
    await stores.record({ ...started, findings: some.map((one) => finding(one, ms, { result })) })
  }
  await record(1000, 'pass')
  await stores.query(`UPDATE span SET changed_at = '2020-01-01'`)
  const [one, two, three] = series
  if (!one || !two || !three) throw new Error('no series')
  await record(2000, 'fail', [one])
  await stores.endUnplannedSpans('p', [{ targetId: two.targetId, seriesId: -1 }])
  await stores.targets.retire(three.targetId)
  const spans = await stores.query<{ ended: boolean; noted: boolean }>(
    `SELECT to_at IS NOT NULL AS ended, changed_at > '2021-01-01' AS noted FROM span ORDER BY to_at IS NULL`,
  )
  expect(spans).toEqual([...Array(3).fill({ ended: true, noted: true }), { ended: false, noted: true }])
})
