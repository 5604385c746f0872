import { v7 as newUuid } from 'uuid'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensurePartitions } from '../../../src/store/db/partitions.ts'
import { finding, makeSeries, openTestStores, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

const partitions = async () => {
  const rows = await stores.query<{ name: string; from: string; to: string }>(
    `SELECT relname AS name, b[1] AS from, b[2] AS to FROM pg_class,
       regexp_match(pg_get_expr(relpartbound, oid), 'FROM \\(''(.*)''\\) TO \\(''(.*)''\\)') AS b
     WHERE relispartition AND relkind = 'r' ORDER BY 1`,
  )
  return new Map(rows.map(({ name, from, to }) => [name, { from, to }]))
}
const ensure = (time: string) => stores.query(`SELECT ensure_finding_partition('${time}')`)
const nameOf = (date: Date) => `finding_${date.toISOString().slice(0, 7).replace('-', '_')}`

test('this month and the next one have their partition after any number of concurrent calls', async () => {
  await Promise.all(Array.from({ length: 6 }, () => ensurePartitions(stores.db)))
  const now = new Date()
  const next = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1))
  expect([...(await partitions()).keys()]).toEqual(expect.arrayContaining([nameOf(now), nameOf(next)]))
})

test('a month begins and ends at midnight UTC, to the millisecond, and leaves no gap to the next', async () => {
  await ensure('2031-12-31 23:59:59.999+00')
  await ensure('2032-01-01 00:00:00+00')
  const all = await partitions()
  const idAt = (time: string) => newUuid({ msecs: Date.parse(time), random: new Uint8Array(16), seq: 0 })
  const prefix = (id = '') => id.slice(0, 13)
  const [december, january] = [all.get('finding_2031_12'), all.get('finding_2032_01')]
  expect(prefix(december?.from)).toBe(prefix(idAt('2031-12-01T00:00:00.000Z')))
  expect(prefix(january?.from)).toBe(prefix(idAt('2032-01-01T00:00:00.000Z')))
  expect(december?.to).toBe(january?.from)
  expect(idAt('2031-12-31T23:59:59.999Z') < (december?.to ?? '')).toBe(true)
  expect(idAt('2032-01-01T00:00:00.000Z') >= (january?.from ?? '')).toBe(true)
})

test('the month of the audit decides, not that of the observation', async () => {
  await ensure('2033-05-15 12:00:00+00')
  const [series] = await makeSeries(stores, ['partitioned'])
  const id = newUuid({ msecs: Date.UTC(2033, 4, 31, 23, 59, 59, 999) })
  const started = await startAudit(stores, { id, total: 1 })
  const observedAt = new Date(Date.UTC(2033, 5, 1, 0, 5))
  await stores.record({ ...started, findings: series ? [finding(series, 0, { observedAt })] : [] })
  expect(await stores.query(`SELECT tableoid::regclass::text AS at FROM finding WHERE audit_id = '${id}'`)).toEqual([
    { at: 'finding_2033_05' },
  ])
})

test('dropping the months before a time spares the month of that time', async () => {
  for (const month of ['2020-01', '2020-02', '2020-03']) await ensure(`${month}-10`)
  const dropped = await stores.query<{ name: string }>(
    `SELECT drop_finding_partitions_before('2020-03-01 00:00:00+00') AS name`,
  )
  expect(dropped.map(({ name }) => name).sort()).toEqual(['finding_2020_01', 'finding_2020_02'])
  expect([...(await partitions()).keys()]).toContain('finding_2020_03')
  expect(await stores.query(`SELECT drop_finding_partitions_before('2020-03-31 23:59:59+00')`)).toEqual([])
})
