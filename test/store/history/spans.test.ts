import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Evidence } from '../../../src/domain/findings/evidence.ts'
import { describeReason } from '../../../src/domain/findings/reasons.ts'
import { InvalidCursorError } from '../../../src/store/query/cursor-page.ts'
import { at, finding, makeSeries, openTestStores, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

type Series = Awaited<ReturnType<typeof makeSeries>>[number]
const observe = async (seen: [Series | undefined, number, Parameters<typeof finding>[2]?][]) =>
  stores.record({
    ...(await startAudit(stores)),
    findings: seen.flatMap(([series, ms, more]) => (series ? [finding(series, ms, more)] : [])),
  })
const time = (ms: number) => at(ms).toISOString()
const evidence = (state: 'open' | 'closed'): Evidence => ({
  probe: 'tcp',
  host: '10.0.0.1',
  port: 22,
  addresses: { '10.0.0.1': { state, reason: state === 'open' ? 'tcp-connected' : 'connection-refused', facts: {} } },
})

describe('the history of a target', () => {
  test('is its spans, newest first, each with what differs from the one before', async () => {
    const [series] = await makeSeries(stores, ['reported'])
    await observe([[series, 1000, { state: 'closed', evidence: evidence('closed') }]])
    await observe([[series, 2000, { state: 'closed', evidence: evidence('closed') }]])
    await observe([[series, 3000, { result: 'fail', reason: 'unexpected-state', evidence: evidence('open') }]])
    const { items, next } = await stores.history.spans(series?.targetId ?? -1, { limit: 10 })
    expect(next).toBeNull()
    expect(items).toEqual([
      {
        fingerprint: expect.stringMatching(/^[0-9a-f-]{36}$/),
        policy: 'p',
        rule: 'r',
        vantage: 'local',
        result: 'fail',
        state: 'open',
        reason: describeReason('unexpected-state'),
        evidence: evidence('open'),
        from: time(3000),
        to: null,
        changes: [
          {
            path: '/evidence/addresses/10.0.0.1/reason',
            before: 'connection-refused',
            after: 'tcp-connected',
          },
          { path: '/evidence/addresses/10.0.0.1/state', before: 'closed', after: 'open' },
          { path: '/reason', before: 'as-expected', after: 'unexpected-state' },
          { path: '/result', before: 'pass', after: 'fail' },
          { path: '/state', before: 'closed', after: 'open' },
        ],
      },
      expect.objectContaining({ result: 'pass', from: time(1000), to: time(3000), changes: [] }),
    ])
  })

  test('compares each span with the one before it of the same series', async () => {
    const [a, b] = await makeSeries(stores, ['two-rules'], ['a', 'b'])
    await observe([
      [a, 1000],
      [b, 1500, { result: 'fail' }],
    ])
    await observe([[a, 2000, { result: 'fail' }]])
    const { items } = await stores.history.spans(a?.targetId ?? -1, { limit: 10 })
    expect(items.map(({ rule, changes }) => [rule, changes.length])).toEqual([
      ['a', 1],
      ['b', 0],
      ['a', 0],
    ])
  })

  test('shows on each page the changes since a span of the next page', async () => {
    const [series] = await makeSeries(stores, ['paged'])
    const results = ['pass', 'fail', 'unknown', 'pass', 'fail'] as const
    for (const [i, result] of results.entries()) await observe([[series, i * 1000, { result }]])
    const seen: (string | number)[][] = []
    for (let cursor: string | undefined; ; ) {
      const page = await stores.history.spans(series?.targetId ?? -1, { limit: 2, cursor })
      seen.push(...page.items.map(({ result, changes }) => [result, changes.length]))
      if (page.next === null) break
      cursor = page.next
    }
    expect(seen).toEqual([
      ['fail', 1],
      ['pass', 1],
      ['unknown', 1],
      ['fail', 1],
      ['pass', 0],
    ])
  })

  test.each([1, 2, 3, 7])('in pages of %i has each span of the same time once', async (limit) => {
    const rules = ['a', 'b', 'c', 'd', 'e']
    const series = await makeSeries(stores, [`same-time-${limit}`], rules)
    await observe(series.map((one) => [one, 1000]))
    await observe(series.map((one, i) => [one, i < 3 ? 2000 : 3000, { result: 'fail' }]))
    const walked: string[] = []
    for (let cursor: string | undefined; ; ) {
      const page = await stores.history.spans(series[0]?.targetId ?? -1, { limit, cursor })
      walked.push(...page.items.map(({ rule, from }) => `${rule} ${from}`))
      if (page.next === null) break
      cursor = page.next
    }
    const expected = [
      ...['d', 'e'].map((r) => `${r} ${time(3000)}`),
      ...['a', 'b', 'c'].map((r) => `${r} ${time(2000)}`),
    ]
    expect(walked).toEqual([...expected, ...rules.map((r) => `${r} ${time(1000)}`)])
  })

  test('is empty for a target that was never probed', async () => {
    await stores.targets.save([{ name: 'new', address: '127.0.0.1' }])
    const target = await stores.targets.find('new')
    expect(await stores.history.spans(target?.id ?? -1, { limit: 10 })).toEqual({ items: [], next: null })
  })

  test('is not continued by a cursor that it did not give', async () => {
    const cursor = Buffer.from(JSON.stringify(['soon', 1])).toString('base64url')
    await expect(stores.history.spans(1, { limit: 10, cursor })).rejects.toThrow(InvalidCursorError)
  })
})
