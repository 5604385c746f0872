import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Result, results } from '../../../src/domain/findings/judge.ts'
import type { PolicyDocument } from '../../../src/domain/policy/policy.ts'
import type { ComplianceFilter } from '../../../src/store/history/compliance.ts'
import { type TrendGrouping, trendGroupings } from '../../../src/store/history/trend.ts'
import { at, openTestStores, policyOf, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
  await makeHistory()
})
afterAll(() => stores.close())

const hour = 3_600_000
const audit = '01900000-0000-7000-8000-000000000000'
const targets = ['a', 'b', 'c', 'd', 'e', 'f']
const vantages = [
  { name: 'branch', zones: ['client', 'branch'] },
  { name: 'core', zones: ['server'] },
  { name: 'both', zones: ['client', 'server'] },
]

/** The same numbers in every run. */
function createRandom(seed: number) {
  let state = seed
  return (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
}

const ruleOf = (document: PolicyDocument, changes: Record<string, object>): PolicyDocument => ({
  ...document,
  rules: document.rules.map((rule) => ({ ...rule, ...changes[rule.id] })),
})

/** Two policies in several versions, random spans of all results from 1 to 40 h, and waivers that begin, overlap and end. */
async function makeHistory(): Promise<void> {
  await stores.targets.save(
    targets.map((name, i) => ({ name, address: '127.0.0.1', labels: { site: i % 2 === 0 ? 'hq' : 'branch' } })),
  )
  for (const vantage of vantages) await stores.vantages.announce(vantage)
  await putVersions('p', [
    [5, policyOf('p', 'r', 's')],
    [10, ruleOf(policyOf('p', 'r', 's'), { r: { severity: 'high' }, s: { from: ['server'] } })],
    [10, ruleOf(policyOf('p', 'r', 's'), { r: { severity: 'high', title: 'two' }, s: { from: ['server', 'client'] } })],
    [20, ruleOf(policyOf('p', 's', 'unused'), { s: { severity: 'high', from: ['server', 'nowhere'] } })],
    [30, policyOf('p', 'r', 's')],
  ])
  await putVersions('q', [[0, policyOf('q', 'r')]])
  const random = createRandom(7)
  const ids = await stores.targets.findByNames(targets)
  const origins = [...vantages.map(({ name }) => name), 'zone:nowhere']
  const rows: string[] = []
  for (const policy of ['p', 'q']) {
    const keys = ids.flatMap(({ id }) =>
      ['r', 's'].flatMap((rule) => origins.map((vantage) => ({ targetId: id, rule, vantage }))),
    )
    const series = await stores.ensureSeries(policy, keys)
    for (const [i, { seriesId }] of series.entries()) {
      let from = 1 + random(20)
      while (from < 40) {
        const to = from + 1 + random(9)
        const end = to < 40 ? `'${at(to * hour).toISOString()}'` : 'NULL'
        const start = `'${at(from * hour).toISOString()}'`
        rows.push(`(${[keys[i]?.targetId, seriesId, start, end, random(results.length)].join()}, 0, 0, 1, '${audit}')`)
        from = to + random(3)
      }
    }
  }
  await stores.query(`INSERT INTO span (target_id, series_id, from_at, to_at, result, evidence_id, state, reason_id, audit_id)
    VALUES ${rows.join()}`)
  const waiver = { policy: 'p', requestedBy: 'k', reason: 'r' }
  for (const [n, { rules, selected, from, to, revoked }] of [
    { rules: ['r'], selected: ['a', 'b'], from: 8, to: 20 },
    { rules: ['r', 's'], selected: { labels: { site: 'hq' } }, from: 12, to: 30 },
    { rules: ['s'], selected: ['c'], from: 25, to: 99, revoked: 35 },
    { rules: ['s'], selected: targets, from: undefined, to: 99 },
  ].entries()) {
    const id = `01900000-0000-7000-8000-00000000000${n}`
    await stores.waivers.create({ ...waiver, id, rules, targets: selected, expiresAt: at(to * hour) })
    if (from !== undefined) await stores.waivers.approve(id, 'other', at(from * hour))
    if (revoked !== undefined) await stores.waivers.revoke(id, 'other', at(revoked * hour))
  }
}

async function putVersions(policy: string, versions: [hours: number, PolicyDocument][]): Promise<void> {
  for (const [version, [hours, document]] of versions.entries()) {
    await stores.policies.put({ ...document, title: `${policy} ${version}` })
    await stores.db.policy.updateMany({
      where: { name: policy, version: version + 1 },
      data: { createdAt: at(hours * hour) },
    })
  }
}

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
