import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { finding, makeSeries, openTestStores, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

type Series = Awaited<ReturnType<typeof makeSeries>>[number]
const hour = 3_600_000

/** Records results of series; times are milliseconds from now, because the end of a scope is now. */
const observe = async (seen: readonly Series[], fromNow: number, more: Parameters<typeof finding>[2] = {}) => {
  const observedAt = new Date(Date.now() + fromNow) // one time, or the order of the spans would be another at times
  return stores.record({
    ...(await startAudit(stores)),
    findings: seen.map((one) => finding(one, 0, { observedAt, ...more })),
  })
}
const openSpans = async (series: readonly Series[]) => {
  const ids = series.map(({ seriesId }) => seriesId).join()
  const rows = await stores.query<{ id: number }>(
    `SELECT series_id AS id FROM span WHERE to_at IS NULL AND series_id IN (${ids})`,
  )
  return series.filter(({ seriesId }) => rows.some(({ id }) => id === seriesId)).map(({ rule }) => rule)
}
const overlaps = () =>
  stores.query(`SELECT a.* FROM span a JOIN span b ON a.target_id = b.target_id AND a.series_id = b.series_id
    AND a.from_at < b.from_at AND coalesce(a.to_at, 'infinity') > b.from_at
    UNION ALL SELECT * FROM span WHERE to_at < from_at`)

describe('the spans of series that left the scope', () => {
  test('end, and those of planned series, other targets and other policies last', async () => {
    const [kept, gone] = await makeSeries(stores, ['one'], ['kept', 'gone'])
    const [elsewhere] = await makeSeries(stores, ['two'], ['gone'])
    if (!kept || !gone || !elsewhere) throw new Error('no series')
    await observe([kept, gone, elsewhere], -hour)
    await stores.endUnplannedSpans('p', [kept])
    expect(await openSpans([kept, gone])).toEqual(['kept'])
    expect(await openSpans([elsewhere])).toEqual(['gone'])
    await stores.endUnplannedSpans('another', [kept])
    expect(await openSpans([kept, elsewhere])).toEqual(['kept', 'gone'])
  })

  test('begin again with the next finding of the series', async () => {
    const [kept, gone] = await makeSeries(stores, ['back'], ['kept', 'gone'])
    if (!kept || !gone) throw new Error('no series')
    await observe([kept, gone], -hour)
    await stores.endUnplannedSpans('p', [kept])
    await observe([gone], hour)
    expect(await openSpans([kept, gone])).toEqual(['kept', 'gone'])
    expect(await overlaps()).toEqual([])
  })

  test('stay ended when a finding from before the end is recorded after it', async () => {
    const [kept, gone] = await makeSeries(stores, ['late'], ['kept', 'gone'])
    if (!kept || !gone) throw new Error('no series')
    await observe([kept, gone], -hour)
    await stores.endUnplannedSpans('p', [kept])
    await observe([gone], -hour / 2, { result: 'fail' })
    expect(await openSpans([kept, gone])).toEqual(['kept'])
    expect(await overlaps()).toEqual([])
  })

  test('never end before they began', async () => {
    const [kept, gone] = await makeSeries(stores, ['ahead'], ['kept', 'gone'])
    if (!kept || !gone) throw new Error('no series')
    await observe([kept, gone], hour) // a vantage whose clock is ahead
    await stores.endUnplannedSpans('p', [kept])
    expect(await openSpans([gone])).toEqual([])
    expect(await overlaps()).toEqual([])
  })

  test('do not overlap with those of a finding that is recorded at the same time', async () => {
    for (let round = 0; round < 20; round += 1) {
      const [kept, ...gone] = await makeSeries(stores, [`raced-${round}`], ['kept', 'a', 'b', 'c'])
      if (!kept) throw new Error('no series')
      await observe([kept, ...gone], -hour)
      await Promise.all([
        stores.endUnplannedSpans('p', [kept]),
        observe(gone, -1000, { result: 'fail' }),
        observe(gone, -500),
      ])
    }
    expect(await overlaps()).toEqual([])
  })
})
