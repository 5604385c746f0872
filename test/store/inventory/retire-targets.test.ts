import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { finding, makeSeries, openTestStores, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

type Series = Awaited<ReturnType<typeof makeSeries>>[number]
const hour = 3_600_000

/** Records results of series; times are milliseconds from now, because a target retires now. */
const observe = async (seen: readonly Series[], fromNow: number, more: Parameters<typeof finding>[2] = {}) => {
  const observedAt = new Date(Date.now() + fromNow) // one time, or the order of the spans would be another at times
  return stores.record({
    ...(await startAudit(stores)),
    findings: seen.map((one) => finding(one, 0, { observedAt, ...more })),
  })
}
const openSpans = (targetId: number) =>
  stores.query<object>(`SELECT series_id FROM span WHERE target_id = ${targetId} AND to_at IS NULL`)

describe('retiring a target', () => {
  test('ends its spans and keeps its history and its findings', async () => {
    const series = await makeSeries(stores, ['leaves'], ['a', 'b'])
    const [other] = await makeSeries(stores, ['stays'])
    const targetId = series[0]?.targetId ?? -1
    await observe([...series, ...(other ? [other] : [])], -hour)
    await stores.targets.retire(targetId)
    expect(await openSpans(targetId)).toEqual([])
    expect(await openSpans(other?.targetId ?? -1)).toHaveLength(1)
    const { items } = await stores.history.spans(targetId, { limit: 10 })
    expect(items.map(({ rule, to }) => [rule, Math.abs(Date.parse(to ?? '') - Date.now()) < 60_000])).toEqual([
      ['a', true],
      ['b', true],
    ])
    expect(await stores.query(`SELECT FROM finding WHERE target_id = ${targetId}`)).toHaveLength(2)
  })

  test('shows as vanished, in scope, at its time', async () => {
    const series = await makeSeries(stores, ['gone'])
    await observe(series, -hour)
    const retiredFrom = Date.now()
    await stores.targets.retire(series[0]?.targetId ?? -1)
    const [before, after] = [-hour / 2, hour].map((ms) => ({ time: new Date(Date.now() + ms) }))
    if (!before || !after) throw new Error('no times')
    const drift = await stores.drift.compare(before, after, { target: 'gone' })
    const { items } = await drift.page({ limit: 10 })
    expect(items).toMatchObject([{ class: 'vanished', cause: 'scope', after: null }])
    expect(Math.abs(Date.parse(items[0]?.at ?? '') - retiredFrom)).toBeLessThan(60_000)
  })

  test('lets nothing be opened by what is recorded afterwards; the finding is kept', async () => {
    const series = await makeSeries(stores, ['late'])
    await observe(series, -hour)
    await stores.targets.retire(series[0]?.targetId ?? -1)
    await observe(series, hour, { result: 'fail' })
    expect(await openSpans(series[0]?.targetId ?? -1)).toEqual([])
    expect(await stores.query(`SELECT FROM finding WHERE series_id = ${series[0]?.seriesId}`)).toHaveLength(2)
  })

  test('never ends a span before it began, even where a vantage has a clock that is ahead', async () => {
    const series = await makeSeries(stores, ['ahead'])
    await observe(series, hour)
    await stores.targets.retire(series[0]?.targetId ?? -1)
    expect(await stores.query('SELECT FROM span WHERE to_at < from_at')).toEqual([])
    expect(await openSpans(series[0]?.targetId ?? -1)).toEqual([])
  })

  test('leaves no open span while findings are recorded', async () => {
    for (let round = 0; round < 25; round += 1) {
      const series = await makeSeries(stores, [`raced-${round}`], ['a', 'b', 'c'])
      await observe(series, -hour)
      const targetId = series[0]?.targetId ?? -1
      const audits = await Promise.all(Array.from({ length: 3 }, () => startAudit(stores)))
      await Promise.all([
        ...audits.map((started, i) =>
          stores.record({
            ...started,
            findings: series.map((one) =>
              finding(one, 0, { observedAt: new Date(Date.now() + i), result: i % 2 ? 'unknown' : 'fail' }),
            ),
          }),
        ),
        stores.targets.retire(targetId),
      ])
      expect(await openSpans(targetId)).toEqual([])
    }
    const overlaps = await stores.query(`SELECT FROM span a JOIN span b USING (target_id, series_id)
      WHERE a.from_at < b.from_at AND coalesce(a.to_at, 'infinity') > b.from_at`)
    expect(overlaps).toEqual([])
  })

  test('is undone by creating the same name again, which continues its history', async () => {
    const series = await makeSeries(stores, ['returns'])
    await observe(series, -hour)
    await stores.targets.retire(series[0]?.targetId ?? -1)
    await stores.targets.create({ name: 'returns', address: '127.0.0.2' })
    await observe(series, hour)
    const { items } = await stores.history.spans(series[0]?.targetId ?? -1, { limit: 10 })
    expect(items.map(({ to }) => to === null)).toEqual([true, false])
  })
})
