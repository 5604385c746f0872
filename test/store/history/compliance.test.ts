import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PolicyDocument } from '../../../src/domain/policy/policy.ts'
import type { NewFinding } from '../../../src/store/audits/record-findings.ts'
import type { ComplianceFilter, ComplianceGroup, Grouping } from '../../../src/store/history/compliance.ts'
import { at, finding, makeSeries, openTestStores, policyOf, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

type Series = Awaited<ReturnType<typeof makeSeries>>[number]
const fail = { result: 'fail', reason: 'unexpected-state' } as const
const unknown = { result: 'unknown', state: 'unknown', reason: 'dns-unavailable' } as const

/** All series of this file are of policy `p`; each test has targets of its own, and a label that only they have. */
async function label(test: string, targets: readonly string[], more: Record<string, Record<string, string>> = {}) {
  await stores.targets.save(targets.map((name) => ({ name, address: '127.0.0.1', labels: { test, ...more[name] } })))
}
async function audit(
  ms: number,
  seen: [Series | undefined, Partial<NewFinding>?, number?][],
  vantages: string[] = [],
): Promise<void> {
  const findings = seen.flatMap(([series, more, later = 0]) => (series ? [finding(series, ms + later, more)] : []))
  const targetIds = [...new Set(findings.map(({ targetId }) => targetId))]
  const started = await startAudit(stores, { targetIds })
  await stores.db.audit.update({ where: { id: started.auditId }, data: { vantages } })
  await stores.record({ ...started, findings })
  await stores.endAudit({ id: started.auditId })
}
const report = (ms: number, test: string, grouping: Grouping = { by: 'rule' }, filter: ComplianceFilter = {}) =>
  stores.compliance.groups(at(ms), grouping, { labels: { test }, ...filter })
/** `group: results that are not zero` */
const countsOf = (groups: readonly ComplianceGroup[]) =>
  groups.map(({ group, counts }) => {
    const some = Object.entries(counts).filter(([, count]) => count > 0)
    return `${group}: ${some.map(([result, count]) => `${count} ${result}`).join(', ')}`
  })

describe('compliance', () => {
  test('is the state at that time, not before or after', async () => {
    const [a, b] = await makeSeries(stores, ['times'], ['a', 'b'])
    await label('times', ['times'])
    await audit(1000, [[a], [b, fail]])
    await audit(2000, [
      [a, fail],
      [b, fail],
    ])
    await audit(3000, [[a, unknown], [b]])
    expect(await report(500, 'times')).toEqual([])
    expect(countsOf(await report(1000, 'times'))).toEqual(['a: 1 pass', 'b: 1 fail'])
    expect(countsOf(await report(2999, 'times'))).toEqual(['a: 1 fail', 'b: 1 fail'])
    expect(countsOf(await report(9999, 'times'))).toEqual(['a: 1 unknown', 'b: 1 pass'])
  })

  test('is counted by rule, by target, and by the values of a label', async () => {
    const targets = ['by-1', 'by-2', 'by-3']
    const [a1, b1, a2, b2, a3, b3] = await makeSeries(stores, targets, ['a', 'b'])
    await label('by', targets, { 'by-1': { site: 'hq' }, 'by-2': { site: 'hq' } })
    const notchecked = { result: 'notchecked', reason: 'no-vantage-in-zone' } as const
    await audit(1000, [[a1], [b1, fail], [a2], [b2, notchecked], [a3, fail], [b3, unknown]])
    expect(countsOf(await report(2000, 'by'))).toEqual(['a: 2 pass, 1 fail', 'b: 1 fail, 1 unknown, 1 notchecked'])
    expect(countsOf(await report(2000, 'by', { by: 'target' }))).toEqual([
      'by-1: 1 pass, 1 fail',
      'by-2: 1 pass, 1 notchecked',
      'by-3: 1 fail, 1 unknown',
    ])
    const sites = await report(2000, 'by', { by: 'label', key: 'site' })
    expect(countsOf(sites).toSorted()).toEqual([': 1 fail, 1 unknown', 'hq: 2 pass, 1 fail, 1 notchecked'])
  })

  test('is counted by policy, severity, vantage and zone', async () => {
    const [a, b] = await makeSeries(stores, ['wide'], ['a', 'b'])
    await label('wide', ['wide'])
    await stores.vantages.announce({ name: 'inside', zones: ['client', 'server'] })
    const targetId = a?.targetId ?? -1
    const more = await stores.ensureSeries('p', [
      { targetId, rule: 'r', vantage: 'inside' },
      { targetId, rule: 'r', vantage: 'zone:server' },
    ])
    const [inside, nowhere] = more.map(({ seriesId }) => a && { ...a, seriesId })
    const { stored } = await stores.policies.put({
      ...policyOf('p', 'r'),
      rules: policyOf('p', 'r').rules.map((rule) => ({ ...rule, from: ['client', 'server'] })),
    })
    await stores.db.policy.update({ where: { id: stored.id }, data: { createdAt: at(500) } })
    await audit(1000, [[a], [b, fail], [inside], [nowhere, { result: 'notchecked', reason: 'no-vantage-in-zone' }]])
    const counted = async (by: 'policy' | 'severity' | 'vantage' | 'zone') =>
      (await report(2000, 'wide', { by })).map((one) => `${one.severity} ${countsOf([one])}`).toSorted()
    expect(await counted('policy')).toEqual(['null p: 2 pass, 1 fail, 1 notchecked'])
    expect(await counted('severity')).toEqual(['low low: 1 pass, 1 notchecked', 'null : 1 pass, 1 fail'])
    expect(await counted('vantage')).toEqual([
      'low inside: 1 pass',
      'low zone:server: 1 notchecked',
      'null local: 1 pass, 1 fail',
    ])
    expect(await counted('zone')).toEqual([
      'low client: 1 pass',
      'low server: 1 pass, 1 notchecked',
      'null : 1 pass, 1 fail',
    ])
  })

  test('is limited to the given policy, target and labels', async () => {
    const [a, b] = await makeSeries(stores, ['filter-1', 'filter-2'])
    await label('filter', ['filter-1', 'filter-2'])
    await audit(1000, [[a], [b, fail]])
    expect(countsOf(await report(2000, 'filter', { by: 'rule' }, { target: 'filter-2' }))).toEqual(['r: 1 fail'])
    expect(countsOf(await report(2000, 'filter', { by: 'rule' }, { policy: 'p' }))).toEqual(['r: 1 pass, 1 fail'])
    expect(await report(2000, 'filter', { by: 'rule' }, { policy: 'q' })).toEqual([])
    expect(await report(2000, 'no-such-label')).toEqual([])
  })

  test('is grouped by the severity of the newest version at that time', async () => {
    const severity = (id: 'low' | 'high'): PolicyDocument => {
      const document = policyOf('severe', 'r', 's')
      return { ...document, rules: document.rules.map((rule) => (rule.id === 'r' ? { ...rule, severity: id } : rule)) }
    }
    await stores.targets.save([{ name: 'severe', address: '127.0.0.1', labels: { test: 'severe' } }])
    const targetId = (await stores.targets.find('severe'))?.id ?? -1
    const [r, s] = await stores.ensureSeries(
      'severe',
      ['r', 's'].map((rule) => ({ targetId, rule, vantage: 'local' })),
    )
    for (const [version, document] of [severity('low'), severity('high')].entries()) {
      const { stored } = await stores.policies.put(document)
      const createdAt = at(version * 5000)
      await stores.db.policy.update({ where: { id: stored.id }, data: { createdAt } })
    }
    const started = await startAudit(stores, { targetIds: [targetId], policy: severity('high') })
    const series = [r, s].map((one) => ({ targetId, seriesId: one?.seriesId ?? -1 }))
    await stores.record({ ...started, findings: series.map((one) => finding(one, 1000)) })
    const severities = async (ms: number) =>
      (await report(ms, 'severe', { by: 'target' })).map((group) => [group.severity, group.counts.pass])
    expect(await severities(4000)).toEqual([['low', 2]])
    expect((await severities(6000)).toSorted()).toEqual([
      ['high', 1],
      ['low', 1],
    ])
  })

  test('counts a target until it is retired, and its past stays', async () => {
    const [series] = await makeSeries(stores, ['retires'])
    await label('retires', ['retires'])
    await audit(1000, [[series, fail]])
    await stores.targets.retire(series?.targetId ?? -1)
    expect(countsOf(await report(2000, 'retires'))).toEqual(['r: 1 fail'])
    expect(await stores.compliance.groups(new Date(Date.now() + 1000), { by: 'rule' }, { target: 'retires' })).toEqual(
      [],
    )
  })
})

describe('the observations that compliance rests on', () => {
  const bounds = async (ms: number, test: string, grouping: Grouping = { by: 'target' }) =>
    (await report(ms, test, grouping)).map((one) => [
      one.group,
      (one.oldestObservation?.getTime() ?? 0) - at(0).getTime(),
      (one.newestObservation?.getTime() ?? 0) - at(0).getTime(),
    ])

  test('are those of the last audit of each target, although nothing changed since', async () => {
    const [a, b] = await makeSeries(stores, ['seen-1', 'seen-2'])
    await label('seen', ['seen-1', 'seen-2'])
    await audit(1000, [[a], [b]])
    await audit(5000, [[a], [b, {}, 70]])
    await audit(9000, [[a]])
    expect(await bounds(4000, 'seen')).toEqual([
      ['seen-1', 1000, 1000],
      ['seen-2', 1000, 1000],
    ])
    expect(await bounds(20_000, 'seen')).toEqual([
      ['seen-1', 9000, 9000],
      ['seen-2', 5000, 5070],
    ])
    expect(await bounds(20_000, 'seen', { by: 'rule' })).toEqual([['r', 5000, 9000]])
  })

  test('do not go beyond the given time', async () => {
    const [series] = await makeSeries(stores, ['bounded'], ['a', 'b'])
    await label('bounded', ['bounded'])
    await audit(1000, [[series]])
    await audit(5000, [[series], [series && { ...series, seriesId: -1 }, {}, 100]])
    expect(await bounds(5050, 'bounded')).toEqual([['bounded', 5000, 5050]])
  })

  test('are found behind many audits of other targets', async () => {
    const [rare, often] = await makeSeries(stores, ['rare', 'often'])
    await label('rarely', ['rare', 'often'])
    await audit(1000, [[rare], [often]])
    await audit(2000, [[rare], [often]])
    for (let i = 0; i < 15; i += 1) await audit(3000 + i, [[often]])
    expect(await bounds(9000, 'rarely')).toEqual([
      ['often', 3014, 3014],
      ['rare', 2000, 2000],
    ])
  })

  test('are not those of an audit of chosen vantages, which says nothing of the others', async () => {
    const [series] = await makeSeries(stores, ['chosen'])
    await label('chosen', ['chosen'])
    await audit(1000, [[series]])
    await audit(5000, [[series]], ['local'])
    expect(await bounds(9000, 'chosen')).toEqual([['chosen', 1000, 1000]])
  })

  test('are at least the one that opened the span, without a known audit', async () => {
    const [series] = await makeSeries(stores, ['unknown-audit'])
    await label('unknown-audit', ['unknown-audit'])
    const started = await startAudit(stores, { targetIds: [] })
    await stores.record({ ...started, findings: series ? [finding(series, 1234)] : [] })
    expect(await bounds(9000, 'unknown-audit')).toEqual([['unknown-audit', 1234, 1234]])
  })
})
