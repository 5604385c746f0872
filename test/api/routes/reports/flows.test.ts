import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PolicyDocument } from '../../../../src/domain/policy/policy.ts'
import type { TraceResult } from '../../../../src/domain/traces/trace.ts'
import type { NewFinding } from '../../../../src/store/audits/record-findings.ts'
import { startService, type TestService } from '../../../support/service.ts'
import { at, finding, makeSeries, startAudit } from '../../../support/stores.ts'

const hour = 3_600_000
const time = (hours: number) => at(hours * hour).toISOString()
const document: PolicyDocument = {
  name: 'p',
  title: 'Ports',
  parameters: { sshPort: { type: 'port', default: 22 } },
  rules: [
    {
      ...{ id: 'https', title: 'HTTPS', severity: 'low', direction: 'inbound', from: ['client'] },
      ...{ probe: 'tcp', port: 443, expect: {} },
    },
    {
      ...{ id: 'ssh', title: 'SSH', severity: 'high', direction: 'inbound', from: ['client', 'untrusted'] },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of the policy
      ...{ probe: 'tcp', port: '${sshPort}', expect: { state: ['closed', 'filtered'] } },
    },
  ],
}
const path = (outcome: 'silence' | 'connected'): TraceResult['path'] => ({
  ...{ port: 443, outcome, endHop: null, rejectedBy: null, loops: false },
  hops: [{ hop: 1, address: '10.66.2.2', others: [], rttMs: 1 }] as unknown as TraceResult['path']['hops'],
})

let service: TestService
let key: string

/** Two targets at 1 h: all passes. At 3 h HTTPS of `one` is filtered, and a trace says after which hop. */
beforeAll(async () => {
  service = await startService({ working: false })
  const { stores } = service
  await stores.vantages.announce({ name: 'local', zones: ['client'] })
  const series = await makeSeries(stores, ['one', 'two'], ['https', 'ssh'])
  await stores.targets.save([
    { name: 'one', address: '10.66.9.9', labels: { team: 'blue' }, params: { sshPort: 2222 } },
    { name: 'two', address: '10.66.9.8', labels: { team: 'green' } },
  ])
  await stores.policies.put(document)
  await service.query(`UPDATE policy SET created_at = '${time(0)}' WHERE name = 'p'`)
  const record = async (ms: number, seen: Record<string, Partial<NewFinding>>) => {
    const started = await startAudit(stores, { targetIds: series.map(({ targetId }) => targetId), policy: document })
    const findings = series.map((one) => finding(one, ms, seen[`${one.target} ${one.rule}`] ?? {}))
    await stores.record({ ...started, findings })
  }
  const closed = { state: 'closed' } as const
  await record(hour, { 'one ssh': closed, 'two ssh': closed })
  const evidence = {
    ...{ probe: 'tcp', host: '10.66.9.9', port: 443, facts: {} },
    addresses: { '10.66.9.9': { state: 'filtered', reason: 'no-response' } },
  } as unknown as NewFinding['evidence']
  const blocked = { result: 'fail', state: 'filtered', reason: 'unexpected-state', evidence } as const
  await record(3 * hour, { 'one ssh': closed, 'two ssh': closed, 'one https': blocked })
  const id = '01900000-0000-7000-8000-000000000001'
  const trace = { ...{ id, target: 'one', host: '10.66.9.9', port: 443, vantage: 'local' }, compare: [], auditId: null }
  await stores.traces.create([{ ...trace, requestedBy: 'k', deadlineAt: new Date(Date.now() + hour) }])
  await stores.traces.finish(trace, { address: '10.66.9.9', comparison: null, path: path('silence') })
  await service.query(`UPDATE trace SET created_at = '${time(4)}'`)
  const made = await service.call('POST', '/v1/keys', {
    body: { name: 'blue', scopes: ['reports:read'], targets: { labels: { team: 'blue' } } },
  })
  key = made.body.key
})
afterAll(() => service.stop())

const get = async (query: Record<string, string>, options: { key?: string } = {}) =>
  (await service.call('GET', `/v1/reports/flows?${new URLSearchParams(query)}`, options)).body
type Edge = {
  rule: string
  zone: string
  worst: { result: string; state: string } | null
  counts: { pass: number; fail: number }
  ports: { port: number; targets: number }[]
  blocked: object[]
}
const standing = ({ edges }: { edges: Edge[] }) =>
  edges.map(({ rule, zone, worst, counts }) => [rule, zone, worst && `${worst.result} ${worst.state}`, counts.pass])

describe('GET /v1/reports/flows', () => {
  test('has each rule from each zone with its ports, its worst state, and where it is blocked', async () => {
    const body = await get({ policy: 'p' })
    expect(standing(body)).toEqual([
      ['https', 'client', 'fail filtered', 1],
      ['ssh', 'client', 'pass closed', 2],
      ['ssh', 'untrusted', null, 0],
    ])
    const [https, ssh] = body.edges
    expect(https.blocked).toEqual([
      { after: '10.66.2.2', rejectedBy: null, checks: 1, trace: '01900000-0000-7000-8000-000000000001' },
    ])
    expect(ssh.ports.toSorted((a: { port: number }, b: { port: number }) => a.port - b.port)).toEqual([
      { port: 22, targets: 1 },
      { port: 2222, targets: 1 },
    ])
    expect(body.policies).toEqual([{ name: 'p', version: 1, title: 'Ports' }])
  })

  test('says what was true at a point in time; before the first audit nothing is known', async () => {
    expect(standing(await get({ at: time(2), policy: 'p' }))[0]).toEqual(['https', 'client', 'pass open', 2])
    const unknown = await get({ at: time(0.5), policy: 'p' })
    expect(standing(unknown)[0]).toEqual(['https', 'client', null, 0])
    expect(unknown.edges[0].ports).toEqual([{ port: 443, targets: 2 }])
    const before = await get({ at: '2025-01-01T00:00:00Z', policy: 'p' })
    expect([before.policies, before.edges]).toEqual([[], []])
  })

  test('is of one target, of targets with a label, and of the targets of a team', async () => {
    expect(standing(await get({ target: 'two', policy: 'p' }))[0]).toEqual(['https', 'client', 'pass open', 1])
    const blue = await get({ label: 'team:blue', policy: 'p' })
    expect(standing(blue)[0]).toEqual(['https', 'client', 'fail filtered', 0])
    const team = await get({ policy: 'p' }, { key })
    expect(standing(team)).toEqual(standing(blue))
    expect(team.edges[1].ports).toEqual([{ port: 2222, targets: 1 }])
    expect(team.edges[0].blocked).toEqual([])
    expect((await get({ target: 'two', policy: 'p' }, { key })).edges[0].counts.pass).toBe(0)
  })
})

describe('POST /v1/reports/flows', () => {
  const post = (body: object) => service.call('POST', '/v1/reports/flows', { body })

  test('has the flows of a draft, judged against stored facts', async () => {
    const [https, ...rest] = document.rules
    const draft = { ...document, rules: [{ ...https, expect: { state: ['filtered'] } }, ...rest] }
    const { status, body } = await post({ document: draft, targets: { labels: { team: 'blue' } } })
    expect([status, body.policies[0].version]).toEqual([200, null])
    expect(standing(body)[0]).toEqual(['https', 'client', 'pass filtered', 1])
    expect(body.edges[0].expects.kind).toBe('closed')
  })

  test('says what is wrong with a draft', async () => {
    const { status, body } = await post({ document: 'name: p\nrules: []', targets: ['one'] })
    expect([status, body.errors.map(({ pointer }: { pointer: string }) => pointer)]).toEqual([
      422,
      expect.arrayContaining(['/document/title']),
    ])
  })
})
