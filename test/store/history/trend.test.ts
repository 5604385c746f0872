import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Result, results } from '../../../src/domain/findings/judge.ts'
import type { ComplianceFilter } from '../../../src/store/history/compliance.ts'
import { type TrendGrouping, trendGroupings } from '../../../src/store/history/trend.ts'
import { makeRandomHistory } from '../../support/random-history.ts'
import { at, openTestStores, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
  await makeRandomHistory(stores)
})
afterAll(() => stores.close())

const hour = 3_600_000
const points = Array.from({ length: 15 }, (_, i) => at((3 * i + 1) * hour))

type Numbers = Record<Result | 'waived', number>
const numbers = [...results, 'waived'] as const

/** `policy group: counts` at each point, from the trend and from the compliance at each, whose severities are added up. */
async function both(
  by: TrendGrouping,
  filter: ComplianceFilter,
  within: Pick<TestStores, 'trend' | 'compliance'> = stores,
) {
  const lines = (groups: readonly (Numbers & { policy: string; group: string })[]) =>
    [...Map.groupBy(groups, ({ policy, group }) => `${policy} ${group}`)]
      .map(([name, some]) => ({ name, sums: numbers.map((key) => some.reduce((sum, one) => sum + one[key], 0)) }))
      .filter(({ sums }) => sums.some((sum) => sum > 0))
      .map(({ name, sums }) => `${name}: ${sums.join()}`)
      .toSorted()
  const groups = await within.trend.groups(points, by, filter)
  const countsAt = (group: (typeof groups)[number], point: number) =>
    Object.fromEntries(numbers.map((key) => [key, group[key][point]])) as Numbers
  const trend = points.map((_, i) =>
    lines(groups.map((group) => ({ policy: group.policy, group: group.group, ...countsAt(group, i) }))),
  )
  const expected: string[][] = []
  for (const point of points) {
    const known = await within.compliance.groups(point, { by }, filter)
    expected.push(lines(known.map(({ counts, ...group }) => ({ ...group, ...counts }))))
  }
  return { trend, expected }
}

describe('the trend', () => {
  test.each(trendGroupings)('by %s is the compliance at each of its points', async (by) => {
    const { trend, expected } = await both(by, {})
    expect(trend).toEqual(expected)
    expect(trend.flat().length).toBeGreaterThan(25)
    expect(new Set(trend.flat().map((line) => line.split(',').at(-1))).size).toBeGreaterThan(by === 'zone' ? 2 : 1)
  })

  test.each<ComplianceFilter>([
    { policy: 'p' },
    { labels: { site: 'hq' } },
    { target: 'c', policy: 'q' },
    { target: 'none' },
  ])('limited to %j is so too', async (filter) => {
    const { trend, expected } = await both('zone', filter)
    expect(trend).toEqual(expected)
  })

  test('of limited stores counts the targets of their scope', async () => {
    const { trend, expected } = await both('severity', {}, stores.within({ site: 'hq' }))
    expect(trend).toEqual(expected)
    expect(trend).toEqual((await both('severity', { labels: { site: 'hq' } })).trend)
  })

  test('has the same at a point with other points beside it', async () => {
    const whole = await stores.trend.groups(points, 'policy', {})
    const some = await stores.trend.groups(
      [3, 8, 9].map((i) => points[i] ?? at(0)),
      'policy',
      {},
    )
    for (const [n, { fail, waived }] of some.entries())
      expect([fail, waived]).toEqual(
        [fail, waived].map((_, k) => [3, 8, 9].map((i) => whole[n]?.[k === 0 ? 'fail' : 'waived'][i])),
      )
  })

  test('of no points has no groups', async () => {
    expect(await stores.trend.groups([], 'policy', {})).toEqual([])
  })
})

describe('the versions of policies', () => {
  const versions = async (from: number, to: number, policy?: string) =>
    (await stores.trend.versions(at(from * hour), at(to * hour), { policy })).map(
      (one) => `${one.policy} ${one.version}`,
    )

  test('are those of the period and the policy, oldest first', async () => {
    expect((await versions(0, 10)).slice(0, 2)).toEqual(['q 1', 'p 1'])
    expect(await versions(10, 30, 'p')).toHaveLength(4)
    expect(await versions(11, 29, 'q')).toEqual([])
  })
})
