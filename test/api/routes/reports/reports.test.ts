import { v7 as newUuid } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Evidence } from '../../../../src/domain/findings/evidence.ts'
import type { NewFinding } from '../../../../src/store/audits/record-findings.ts'
import { startService, type TestService } from '../../../support/service.ts'
import { at, finding, makeSeries, policyOf, startAudit } from '../../../support/stores.ts'

let service: TestService
/** Of targets `one` and `two`: everything passes; then `ssh` of both is open, and `tls` of `one` has another key. */
let audits: [first: string, second: string]

const evidence = (sha256: string): Evidence => ({
  probe: 'ssh',
  host: 'h',
  port: 22,
  addresses: {
    '10.0.0.1': { state: 'open', reason: 'ssh-ok', facts: { hostKey: { type: 'x', sha256, verified: true } } },
  },
})

beforeAll(async () => {
  service = await startService({ working: false })
  const { stores } = service
  const series = await makeSeries(stores, ['one', 'two'], ['ssh', 'tls'])
  await stores.targets.save([
    { name: 'one', address: '127.0.0.1', labels: { site: 'hq', tier: '1' } },
    { name: 'two', address: '127.0.0.1', labels: { site: 'branch', tier: '1' } },
  ])
  const targetIds = [...new Set(series.map(({ targetId }) => targetId))]
  const lax = policyOf('p', 'ssh', 'tls')
  const policy = {
    ...lax,
    rules: lax.rules.map((rule) => (rule.id === 'ssh' ? { ...rule, severity: 'high' as const } : rule)),
  }
  const record = async (ms: number, seen: (one: (typeof series)[number]) => Partial<NewFinding>) => {
    const started = await startAudit(stores, { targetIds, policy })
    await stores.record({ ...started, findings: series.map((one) => finding(one, ms, seen(one))) })
    await service.endAudit({ id: started.auditId })
    return started.auditId
  }
  const first = await record(1000, () => ({ evidence: evidence('a') }))
  const second = await record(2000, ({ target, rule }) =>
    rule === 'ssh'
      ? { evidence: evidence('a'), result: 'fail', reason: 'unexpected-state' }
      : { evidence: evidence(target === 'one' ? 'b' : 'a') },
  )
  audits = [first, second]
  await service.query(`UPDATE policy SET created_at = '2025-01-01'`)
})
afterAll(() => service.stop())

const drift = (query: Record<string, string> = {}) => {
  const [from, to] = audits.map((id) => `audit:${id}`)
  return service.call('GET', `/v1/reports/drift?${new URLSearchParams({ from: from ?? '', to: to ?? '', ...query })}`)
}
const time = (ms: number) => at(ms).toISOString()

describe('GET /v1/reports/drift', () => {
  test('says class, cause, significance, both sides, and field by field what changed', async () => {
    const { status, body } = await drift()
    expect(status).toBe(200)
    expect(body).toMatchObject({ from: time(1000), to: time(2000), next: null })
    expect(body.summary).toEqual({
      ...{ regressed: 2, recovered: 0, changed: 1, obscured: 0 },
      ...{ clarified: 0, appeared: 0, vanished: 0 },
    })
    const [ssh, tls] = body.items
    expect(ssh).toMatchObject({
      ...{ class: 'regressed', cause: 'environment', significance: 'alert' },
      ...{ target: 'one', policy: 'p', rule: 'ssh', vantage: 'local', at: time(2000), flapping: null },
      before: { result: 'pass', state: 'open', reason: { code: 'as-expected', message: expect.any(String) } },
      after: { result: 'fail', state: 'open', reason: { code: 'unexpected-state' } },
    })
    expect(tls).toMatchObject({
      ...{ class: 'changed', significance: 'alert' },
      changes: [
        {
          path: '/evidence/addresses/10.0.0.1/facts/hostKey/sha256',
          ...{ before: 'a', after: 'b', significance: 'alert' },
        },
      ],
    })
  })

  test.each([
    [{ target: 'two' }, ['two ssh']],
    [{ rule: 'tls' }, ['one tls']],
    [{ label: 'site:hq' }, ['one ssh', 'one tls']],
    [{ policy: 'p', vantage: 'local', class: 'regressed' }, ['one ssh', 'two ssh']],
    [{ policy: 'another' }, []],
    [{ vantage: 'another' }, []],
    [{ class: 'vanished' }, []],
    [{ severity: 'high' }, ['one ssh', 'two ssh']],
    [{ severity: 'low' }, ['one tls']],
    [{ severity: 'medium' }, []],
    [{ cause: 'environment' }, ['one ssh', 'one tls', 'two ssh']],
    [{ cause: 'policy' }, []],
    [{ significance: 'alert' }, ['one ssh', 'one tls', 'two ssh']],
    [{ significance: 'notice' }, []],
    [{ significance: 'alert', cause: 'environment', severity: 'high', target: 'two' }, ['two ssh']],
  ] as [Record<string, string>, string[]][])('filtered by %o keeps %o, in the summary too', async (query, found) => {
    const { body } = await drift(query)
    expect(body.items.map((item: { target: string; rule: string }) => `${item.target} ${item.rule}`)).toEqual(found)
    const counts = Object.values(body.summary as Record<string, number>)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(found.length)
  })

  test('filtered by cause and significance comes in pages', async () => {
    const [from, to] = audits.map((id) => `audit:${id}`)
    const url = `/v1/reports/drift?from=${from}&to=${to}&significance=alert&cause=environment&limit=1`
    const pages = await service.walk(url)
    expect(pages.map((page) => page.map(({ target, rule }) => `${target} ${rule}`))).toEqual([
      ['one ssh'],
      ['one tls'],
      ['two ssh'],
    ])
  })

  test('takes several labels, all of which must be there', async () => {
    const [from, to] = audits.map((id) => `audit:${id}`)
    const url = `/v1/reports/drift?from=${from}&to=${to}&label=tier:1&label=site:branch`
    expect((await service.call('GET', url)).body.items).toMatchObject([{ target: 'two' }])
  })

  test('takes times with any offset, audits and baselines, in any mixture', async () => {
    const made = { name: 'approved', audit: audits[0], reason: 'reviewed' }
    expect((await service.call('POST', '/v1/baselines', { body: made })).status).toBe(201)
    const before = [
      '2026-01-01T00:00:01.500Z',
      '2026-01-01T02:00:01.5+02:00',
      `audit:${audits[0]}`,
      'baseline:approved',
    ]
    const after = ['2026-01-01T00:00:09Z', `audit:${audits[1]}`]
    const queries = before.flatMap((from) => after.map((to) => ({ from, to })))
    const summaries = await Promise.all(queries.map(async (query) => (await drift(query)).body.summary))
    for (const summary of summaries)
      expect(summary).toMatchObject({ regressed: 2, changed: 1, appeared: 0, vanished: 0 })
  })

  test.each(['yesterday', '2026-13-01T00:00:00Z', 'audit:1', `audit:${newUuid()}`, 'baseline:none', 'release:1'])(
    'refuses the point in time %s with 422, and names the field',
    async (time) => {
      for (const field of ['from', 'to']) {
        const { status, body } = await drift({ [field]: time })
        expect([status, body.errors]).toMatchObject([422, [{ in: 'query', pointer: `/${field}` }]])
      }
    },
  )

  test.each([
    [{ class: 'worse' }, '/class'],
    [{ label: 'nolabel' }, '/label/0'],
    [{ format: 'xml' }, '/format'],
    [{ sort: 'at' }, '/sort'],
    [{ cursor: 'x' }, '/cursor'],
  ] as [Record<string, string>, string][])('refuses %o with 400 and names %s', async (query, pointer) => {
    const { status, body } = await drift(query)
    expect(status).toBe(400)
    expect(body.errors[0]).toMatchObject({ in: 'query', pointer })
  })
})

test('GET /v1/reports/drift/series counts by step where the differences are', async () => {
  const query = new URLSearchParams({ from: time(-58_000), to: time(62_000), step: 'PT1M', rule: 'ssh' })
  const { status, body } = await service.call('GET', `/v1/reports/drift/series?${query}`)
  const none = { regressed: 0, recovered: 0, changed: 0, obscured: 0, clarified: 0, appeared: 0, vanished: 0 }
  expect([status, body.items]).toEqual([
    200,
    [
      { from: time(-58_000), to: time(2_000), ...none, appeared: 2 },
      { from: time(2_000), to: time(62_000), ...none },
    ],
  ])
  const csv = await service.call('GET', `/v1/reports/drift/series?${query}&format=csv`)
  expect(csv.body.split('\r\n')[0]).toBe('from,to,regressed,recovered,changed,obscured,clarified,appeared,vanished')
})

describe('GET /v1/reports/compliance', () => {
  const report = async (query: Record<string, string>) =>
    (await service.call('GET', `/v1/reports/compliance?${new URLSearchParams(query)}`)).body

  test('says counts, coverage, score, severity and the observations it rests on, by rule', async () => {
    const body = await report({ at: time(2500) })
    const common = {
      policy: 'p',
      coverage: { checked: 2, notchecked: 0 },
      oldestObservation: time(2000),
      newestObservation: time(2000),
    }
    const none = { unknown: 0, error: 0, notapplicable: 0, notchecked: 0 }
    expect(body).toMatchObject({
      at: time(2500),
      items: [
        { ...common, severity: 'high', group: 'ssh', counts: { pass: 0, fail: 2, ...none }, score: 0 },
        { ...common, severity: 'low', group: 'tls', counts: { pass: 2, fail: 0, ...none }, score: 1 },
      ],
    })
  })

  test('covers any point in time, and now by default', async () => {
    const scores = async (query: Record<string, string>) =>
      (await report(query)).items.map((item: { group: string; score: number }) => [item.group, item.score])
    expect(await scores({ at: time(1500) })).toEqual([
      ['ssh', 1],
      ['tls', 1],
    ])
    expect(await scores({ at: time(500) })).toEqual([])
    expect(await scores({})).toEqual([
      ['ssh', 0],
      ['tls', 1],
    ])
  })

  test('is by each grouping, and keeps to its filters', async () => {
    const groups = async (query: Record<string, string>) =>
      (await report({ at: time(2500), ...query })).items.map((item: { group: string; score: number }) => [
        item.group,
        item.score,
      ])
    // One item for each severity of the rules in the group: `ssh` is of high severity, `tls` of low.
    const bySeverity = (...names: string[]) =>
      names.flatMap((name) => [
        [name, 0],
        [name, 1],
      ])
    expect(await groups({ by: 'target' })).toEqual(bySeverity('one', 'two'))
    expect(await groups({ by: 'label:site' })).toEqual(bySeverity('branch', 'hq'))
    expect(await groups({ by: 'label:tier' })).toEqual(bySeverity('1'))
    expect(await groups({ by: 'target', label: 'site:hq' })).toEqual(bySeverity('one'))
    expect(await groups({ by: 'policy' })).toEqual([['p', 0.5]])
    expect(await groups({ by: 'severity' })).toEqual([
      ['high', 0],
      ['low', 1],
    ])
    expect(await groups({ by: 'vantage' })).toEqual(bySeverity('local'))
    expect(await groups({ by: 'zone' })).toEqual(bySeverity('client'))
    expect(await groups({ target: 'two' })).toEqual([
      ['ssh', 0],
      ['tls', 1],
    ])
    expect(await groups({ policy: 'another' })).toEqual([])
  })

  test('is ordered by name or by what is worst, and comes in pages about one point in time', async () => {
    const pages = async (query: Record<string, string>) => {
      const url = `/v1/reports/compliance?${new URLSearchParams({ by: 'target', limit: '1', ...query })}`
      const found: { at: string; group: string }[] = []
      for (let next: string | null = url; next !== null; ) {
        const { body }: { body: { at: string; items: { severity: string; group: string }[]; next: string | null } } =
          await service.call('GET', next)
        expect(body.items).toHaveLength(1)
        found.push(...body.items.map(({ severity, group }) => ({ at: body.at, group: `${group} ${severity}` })))
        next = body.next && `${url}&cursor=${body.next}`
      }
      expect(new Set(found.map(({ at: time }) => time)).size).toBe(1)
      return found.map(({ group }) => group)
    }
    expect(await pages({})).toEqual(['one high', 'one low', 'two high', 'two low'])
    expect(await pages({ order: 'worst' })).toEqual(['one high', 'two high', 'one low', 'two low'])
    expect((await report({ by: 'target', order: 'worst' })).next).toBe(null)
    expect(await report({ order: 'worst', cursor: 'x' })).toMatchObject({
      status: 400,
      errors: [{ pointer: '/cursor' }],
    })
    expect(await report({ format: 'csv', cursor: 'x' })).toMatchObject({ status: 400 })
  })

  test.each([
    [{ by: 'state' }, '/by'],
    [{ at: 'yesterday' }, '/at'],
    [{ by: 'label:' }, '/by'],
  ] as [Record<string, string>, string][])('refuses %o with 400 and names %s', async (query, pointer) => {
    const body = await report(query)
    expect(body).toMatchObject({ status: 400, errors: [{ in: 'query', pointer }] })
  })
})

describe('GET /v1/targets/{name}/history', () => {
  test('has what changed with each span, and stays when the target is retired', async () => {
    const { body } = await service.call('GET', '/v1/targets/one/history')
    expect(body.items.map((span: { rule: string; from: string }) => [span.rule, span.from])).toEqual([
      ['ssh', time(2000)],
      ['tls', time(2000)],
      ['ssh', time(1000)],
      ['tls', time(1000)],
    ])
    const some = async (query: Record<string, string>) =>
      (await service.call('GET', `/v1/targets/one/history?${new URLSearchParams(query)}`)).body.items.map(
        (span: { rule: string; from: string; changes: object[] }) => [span.rule, span.from, span.changes.length > 0],
      )
    expect(await some({ rule: 'ssh' })).toEqual([
      ['ssh', time(2000), true],
      ['ssh', time(1000), false],
    ])
    expect(await some({ rule: 'ssh', from: time(2000) })).toEqual([['ssh', time(2000), true]])
    expect(await some({ rule: 'ssh', from: time(1999), to: time(2000) })).toEqual([['ssh', time(1000), false]])
    expect(await some({ to: time(1000) })).toEqual([])
    expect([await some({ vantage: 'another' }), await some({ policy: 'another' })]).toEqual([[], []])
    expect(await some({ vantage: 'local', policy: 'p' })).toHaveLength(4)
    await service.stores.targets.save([{ name: 'leaving', address: '127.0.0.1' }])
    expect((await service.call('DELETE', '/v1/targets/leaving')).status).toBe(204)
    expect(await service.call('GET', '/v1/targets/leaving/history')).toMatchObject({ status: 200, body: { items: [] } })
    expect((await service.call('GET', '/v1/targets/never/history')).status).toBe(404)
  })
})
