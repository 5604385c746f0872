import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeRandomHistory } from '../../support/random-history.ts'
import { at, openTestStores, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
  await makeRandomHistory(stores)
})
afterAll(() => stores.close())

const hour = 3_600_000
const points = Array.from({ length: 11 }, (_, i) => at((4 * i + 1) * hour))
type Filter = Parameters<TestStores['drift']['series']>[1]

/** What the drift between each two points says. */
async function oneByOne(filter: Filter, within: Pick<TestStores, 'drift'> = stores) {
  const summaries = []
  for (const [i, time] of points.slice(1).entries())
    summaries.push((await within.drift.compare({ time: points[i] ?? at(0) }, { time }, filter)).summary)
  return summaries
}

describe('the series of drift', () => {
  test.each<Filter>([
    {},
    { policy: 'p', rule: 's' },
    { vantage: 'both' },
    { labels: { site: 'hq' } },
    { severity: { is: 'high', at: at(25 * hour) } },
    { target: 'none' },
  ])('limited to %j is the drift between each two points', async (filter) => {
    const series = await stores.drift.series(points, filter)
    expect(series).toEqual(await oneByOne(filter))
    expect(series).toHaveLength(10)
  })

  test('has every class', async () => {
    const series = await stores.drift.series(points, {})
    for (const kind of Object.keys(series[0] ?? {}) as (keyof (typeof series)[number])[])
      expect([kind, series.some((summary) => summary[kind] > 0)]).toEqual([kind, true])
  })

  test('of limited stores counts the targets of their scope', async () => {
    const own = stores.within({ site: 'hq' })
    expect(await own.drift.series(points, {})).toEqual(await oneByOne({ labels: { site: 'hq' } }))
  })

  test('of one point, or of none, is empty', async () => {
    expect([await stores.drift.series(points.slice(0, 1), {}), await stores.drift.series([], {})]).toEqual([[], []])
  })
})
