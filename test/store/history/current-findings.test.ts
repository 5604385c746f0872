import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { facetsOf } from '../../../src/domain/findings/facets.ts'
import { describeCurrent } from '../../../src/operations/findings/describe-current.ts'
import { pageUrls } from '../../../src/report/page-urls.ts'
import type { NewFinding } from '../../../src/store/audits/record-findings.ts'
import type { CurrentFilter, CurrentOrder } from '../../../src/store/history/current-findings.ts'
import { InvalidCursorError } from '../../../src/store/query/cursor-page.ts'
import { at, finding, makeSeries, openTestStores, policyOf, startAudit, type TestStores } from '../../support/stores.ts'

const fail = { result: 'fail', state: 'open', reason: 'unexpected-state' } as const
const unknown = { result: 'unknown', state: 'unknown', reason: 'dns-unavailable' } as const
const rules = ['https', 'ssh']
const document = policyOf('p', ...rules)

let stores: TestStores
let series: Awaited<ReturnType<typeof makeSeries>>
beforeAll(async () => {
  stores = await openTestStores()
  const { stored } = await stores.policies.put({
    ...document,
    parameters: { sshPort: { type: 'port', default: 22 } },
    rules: document.rules.map((rule) =>
      rule.id === 'ssh'
        ? // biome-ignore lint/suspicious/noTemplateCurlyInString: this is a placeholder of policies
          { ...rule, severity: 'high', port: '${sshPort}', expect: { state: ['closed'] } }
        : rule,
    ),
  })
  await stores.db.policy.update({ where: { id: stored.id }, data: { createdAt: at(0) } })
  series = await makeSeries(stores, ['a', 'b', 'c'], rules)
  await stores.targets.save([
    { name: 'a', address: '10.0.0.1', labels: { site: 'hq' }, params: { sshPort: 2222 } },
    { name: 'b', address: '10.0.0.2', labels: { site: 'hq' } },
    { name: 'c', address: '10.0.0.3', labels: { site: 'lab' } },
  ])
  await record(1000, { 'a https': {}, 'a ssh': fail, 'b https': fail, 'b ssh': {}, 'c https': unknown })
  await record(2000, { 'a https': {}, 'a ssh': fail, 'b https': fail, 'b ssh': fail })
  await record(3000, { 'a ssh': fail, 'b ssh': {} })
})
afterAll(() => stores.close())

async function record(ms: number, seen: Record<string, Partial<NewFinding>>): Promise<void> {
  const findings = Object.entries(seen).map(([name, more]) => {
    const one = series.find(({ target, rule }) => `${target} ${rule}` === name)
    if (!one) throw new Error(`no series ${name}`)
    return finding(one, ms, more)
  })
  const targetIds = [...new Set(findings.map(({ targetId }) => targetId))]
  const started = await startAudit(stores, {
    targetIds,
    policy: (await stores.policies.find('p'))?.document ?? document,
  })
  await stores.record({ ...started, findings })
  await stores.endAudit({ id: started.auditId })
}

const list = async (ms: number, filter: Partial<CurrentFilter> = {}, order: CurrentOrder = 'worst') =>
  (await stores.currentFindings.list(at(ms), { choice: {}, ...filter }, { order, limit: 100 })).items
const names = (items: Awaited<ReturnType<typeof list>>) => items.map(({ target, rule }) => `${target} ${rule}`)

describe('the findings across audits', () => {
  test('are those that were true at a point in time, the worst first, of equal ones the newest', async () => {
    expect(names(await list(2500))).toEqual(['b ssh', 'a ssh', 'b https', 'c https', 'a https'])
    expect(names(await list(1500))).toEqual(['a ssh', 'b https', 'c https', 'b ssh', 'a https'])
    expect(names(await list(1500, {}, 'target'))).toEqual(['a https', 'a ssh', 'b https', 'b ssh', 'c https'])
    expect(names(await list(3500, {}, 'newest'))[0]).toBe('b ssh')
    expect(await list(500)).toEqual([])
  })

  test('say since when they are so, and when that was confirmed last', async () => {
    const times = async (ms: number) =>
      Object.fromEntries(
        (await list(ms)).map(({ target, rule, since, lastConfirmed }) => [
          `${target} ${rule}`,
          [since, lastConfirmed].map((time) => Date.parse(time) - at(0).getTime()),
        ]),
      )
    expect(await times(3500)).toEqual({
      'a ssh': [1000, 3000],
      'b https': [1000, 2000],
      'c https': [1000, 1000],
      'b ssh': [3000, 3000],
      'a https': [1000, 2000],
    })
    expect((await times(1999))['a ssh']).toEqual([1000, 1000])
  })

  test.each<[string, Partial<CurrentFilter>, string[]]>([
    ['result', { choice: { result: ['unknown', 'pass'] } }, ['c https', 'a https']],
    ['severity', { choice: { severity: ['high'] } }, ['b ssh', 'a ssh']],
    ['policy', { choice: { policy: ['q'] } }, []],
    ['rule', { choice: { rule: ['ssh'] } }, ['b ssh', 'a ssh']],
    ['vantage', { choice: { vantage: ['branch'] } }, []],
    ['zone', { choice: { zone: ['client'] } }, []],
    ['reason', { choice: { reason: ['dns-unavailable'] } }, ['c https']],
    ['waived', { choice: { waived: ['true'] } }, []],
    ['label', { labels: { site: 'lab' } }, ['c https']],
    ['target', { target: 'a' }, ['a ssh', 'a https']],
    ['text', { text: '10.0.0.2' }, ['b ssh', 'b https']],
    ['time of change', { changedSince: at(2000) }, ['b ssh']],
  ])('are selected by %s, and counted alike', async (_, filter, expected) => {
    expect(names(await list(2500, filter))).toEqual(expected)
    const { choice = {}, ...targets } = filter
    expect(facetsOf(await stores.currentFindings.tally(at(2500), targets), choice).total).toBe(expected.length)
  })

  test.each<CurrentOrder>(['worst', 'newest', 'target', 'stored'])('come in pages without gap by %s', async (order) => {
    const whole = names(await list(2500, {}, order))
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = { order, limit: 2, ...(cursor === undefined ? {} : { cursor }) }
      const { items, next } = await stores.currentFindings.list(at(2500), { choice: {} }, page)
      seen.push(...names(items))
      cursor = next ?? undefined
    } while (cursor !== undefined)
    expect([seen, seen.length]).toEqual([whole, 5])
    const foreign = order === 'stored' ? '["x"]' : '[1]'
    const page = { order, limit: 2, cursor: Buffer.from(foreign).toString('base64url') }
    await expect(stores.currentFindings.list(at(2500), { choice: {} }, page)).rejects.toThrow(InvalidCursorError)
  })

  test('have what their rule demands of the target, and the waiver that was in force', async () => {
    const id = '01900000-0000-7000-8000-000000000001'
    const waiver = { policy: 'p', rules: ['ssh'], targets: ['a'], reason: 'r', requestedBy: 'k', expiresAt: at(2700) }
    await stores.waivers.create({ ...waiver, id })
    await stores.waivers.approve(id, 'other', at(2200))
    const described = async (ms: number) =>
      describeCurrent(stores, at(ms), await list(ms, { choice: { rule: ['ssh'] } }), pageUrls(undefined))
    expect((await described(2500)).map(({ target, expected, waiver }) => [target, expected, waiver])).toEqual([
      ['b', { host: '10.0.0.2', port: 22, expect: { state: ['closed'] } }, null],
      ['a', { host: '10.0.0.1', port: 2222, expect: { state: ['closed'] } }, { id, expiresAt: at(2700).toISOString() }],
    ])
    expect((await described(2800)).map((one) => one.waiver)).toEqual([null, null])
    expect(names(await list(2500, { choice: { waived: ['true'] } }))).toEqual(['a ssh'])
    expect(names(await list(2500))).toEqual(['b ssh', 'b https', 'c https', 'a ssh', 'a https'])
  })

  test('are those of its own targets for a key of a team, with their counts', async () => {
    const { currentFindings } = stores.within({ site: 'lab' })
    const { items } = await currentFindings.list(at(2500), { choice: {} }, { order: 'worst', limit: 10 })
    expect(names(items)).toEqual(['c https'])
    expect((await currentFindings.tally(at(2500), {})).map(({ count }) => count)).toEqual([1])
  })
})
