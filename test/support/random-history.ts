import { results } from '../../src/domain/findings/judge.ts'
import type { PolicyDocument } from '../../src/domain/policy/policy.ts'
import { at, policyOf, type TestStores } from './stores.ts'

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
export async function makeRandomHistory(stores: TestStores): Promise<void> {
  await stores.targets.save(
    targets.map((name, i) => ({ name, address: '127.0.0.1', labels: { site: i % 2 === 0 ? 'hq' : 'branch' } })),
  )
  for (const vantage of vantages) await stores.vantages.announce(vantage)
  await putVersions(stores, 'p', [
    [5, policyOf('p', 'r', 's')],
    [10, ruleOf(policyOf('p', 'r', 's'), { r: { severity: 'high' }, s: { from: ['server'] } })],
    [10, ruleOf(policyOf('p', 'r', 's'), { r: { severity: 'high', title: 'two' }, s: { from: ['server', 'client'] } })],
    [20, ruleOf(policyOf('p', 's', 'unused'), { s: { severity: 'high', from: ['server', 'nowhere'] } })],
    [30, policyOf('p', 'r', 's')],
  ])
  await putVersions(stores, 'q', [[0, policyOf('q', 'r')]])
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

async function putVersions(
  stores: TestStores,
  policy: string,
  versions: [hours: number, PolicyDocument][],
): Promise<void> {
  for (const [version, [hours, document]] of versions.entries()) {
    await stores.policies.put({ ...document, title: `${policy} ${version}` })
    await stores.db.policy.updateMany({
      where: { name: policy, version: version + 1 },
      data: { createdAt: at(hours * hour) },
    })
  }
}
