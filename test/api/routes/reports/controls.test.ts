import { afterAll, beforeAll, expect, test } from 'vitest'
import { startService, type TestService } from '../../../support/service.ts'
import { at, finding, makeSeries, policyOf, startAudit } from '../../../support/stores.ts'

let service: TestService
const time = (ms: number) => at(ms).toISOString()

beforeAll(async () => {
  service = await startService({ working: false })
  const { stores } = service
  const series = await makeSeries(stores, ['one', 'two'], ['ssh', 'tls'])
  const controls: Record<string, string[]> = {
    ssh: ['NIST-800-53:AC-17', 'OWN:7'],
    tls: ['NIST-800-53:AC-17', 'NIST-800-53:SC-8'],
    never: ['NIST-800-53:SC-8'],
  }
  const plain = policyOf('p', 'ssh', 'tls', 'never')
  const policy = { ...plain, rules: plain.rules.map((rule) => ({ ...rule, controls: controls[rule.id] ?? [] })) }
  const targetIds = [...new Set(series.map(({ targetId }) => targetId))]
  const record = async (ms: number, sshOfTwo: 'fail' | 'notchecked') => {
    const started = await startAudit(stores, { targetIds, policy })
    const findings = series.map((one) =>
      finding(one, ms, { result: one.rule === 'ssh' && one.target === 'two' ? sshOfTwo : 'pass' }),
    )
    await stores.record({ ...started, findings })
    await service.endAudit({ id: started.auditId })
  }
  await record(1000, 'notchecked')
  await record(2000, 'fail')
  await service.query(`UPDATE policy SET created_at = '2025-01-01' WHERE name = 'p'`)
})
afterAll(() => service.stop())

const report = async (query: Record<string, string>) =>
  service.call('GET', `/v1/reports/controls?${new URLSearchParams({ policy: 'p', ...query })}`)

test('each control has its rules, their results at a point in time, and what was not tested', async () => {
  const { status, body } = await report({ at: time(1500), framework: 'NIST-800-53' })
  expect([status, body.at]).toEqual([200, time(1500)])
  expect(body.items).toMatchObject([
    {
      ...{ framework: 'NIST-800-53', control: 'AC-17', title: 'Remote Access', verdict: 'inconclusive', score: 1 },
      counts: { pass: 3, fail: 0, notchecked: 1 },
      coverage: { checked: 3, notchecked: 1 },
      rules: [
        { policy: 'p', version: 1, rule: 'ssh', severity: 'low', counts: { pass: 1, notchecked: 1 } },
        { policy: 'p', version: 1, rule: 'tls', severity: 'low', counts: { pass: 2 }, newestObservation: time(1000) },
      ],
      notTested: [{ policy: 'p', rule: 'ssh', why: 'notchecked', count: 1 }],
    },
    {
      ...{ control: 'SC-8', verdict: 'inconclusive', counts: { pass: 2 } },
      rules: [{ rule: 'never', score: null, newestObservation: null }, { rule: 'tls' }],
      notTested: [{ policy: 'p', rule: 'never', why: 'never-audited', count: null }],
    },
  ])
  expect(body.items).toHaveLength(2)
})

test('a rule that was not checked has no observation', async () => {
  const { body } = await report({ at: time(1500), framework: 'NIST-800-53', target: 'two' })
  const seen = { oldestObservation: time(1000), newestObservation: time(1000) }
  expect(body.items[0].rules).toMatchObject([
    { rule: 'ssh', counts: { notchecked: 1 }, oldestObservation: null, newestObservation: null },
    { rule: 'tls', counts: { pass: 1 }, ...seen },
  ])
})

test('a framework that no rule names is refused with those that are named; one that is named later is empty', async () => {
  const { status, body } = await report({ framework: 'NIST' })
  expect([status, body.errors]).toEqual([
    422,
    [
      {
        ...{ in: 'query', pointer: '/framework' },
        detail: expect.stringMatching(/^no rule names a control of NIST: there are .*NIST-800-53, OWN/),
      },
    ],
  ])
  const before = await report({ framework: 'OWN', at: '2024-01-01T00:00:00Z' })
  expect([before.status, before.body.items]).toEqual([200, []])
})

test('a control at a later point in time says what was known then; an unknown control has no title', async () => {
  const { body } = await report({ at: time(2500), framework: 'OWN' })
  expect(body.items).toMatchObject([
    { control: '7', title: null, verdict: 'fail', counts: { pass: 1, fail: 1 }, notTested: [] },
  ])
})

test('the counts are those of the compliance report, for every filter', async () => {
  const filters: Record<string, string>[] = [{}, { target: 'two' }, { label: 'no:such' }]
  for (const filter of filters) {
    const query = new URLSearchParams({ policy: 'p', at: time(2500), ...filter })
    const { body } = await service.call('GET', `/v1/reports/compliance?by=rule&${query}`)
    const controls = await report({ at: time(2500), ...filter })
    for (const { rules } of controls.body.items) {
      for (const { rule, counts } of rules) {
        const group = body.items.find((one: { group: string }) => one.group === rule)
        expect(counts).toEqual(group?.counts ?? expect.objectContaining({ pass: 0, fail: 0, notchecked: 0 }))
      }
    }
  }
})

test('comes as CSV with a line for each rule of a control, and as NDJSON with one for each control', async () => {
  const csv = await report({ at: time(2500), format: 'csv' })
  expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8')
  expect(csv.body.split('\r\n').slice(0, 3)).toEqual([
    'framework,control,controlTitle,controlVerdict,policy,policyVersion,rule,severity,pass,fail,unknown,error,notapplicable,notchecked,waived,score,oldestObservation,newestObservation',
    `NIST-800-53,AC-17,Remote Access,fail,p,1,ssh,low,1,1,0,0,0,0,0,0.5,${time(2000)},${time(2000)}`,
    `NIST-800-53,AC-17,Remote Access,fail,p,1,tls,low,2,0,0,0,0,0,0,1,${time(2000)},${time(2000)}`,
  ])
  const lines = await report({ at: time(2500), format: 'ndjson' })
  const { body } = await report({ at: time(2500) })
  expect(
    lines.body
      .trimEnd()
      .split('\n')
      .map((line: string) => JSON.parse(line)),
  ).toEqual(body.items)
})

test('a policy that came later is in no report of before', async () => {
  await service.stores.policies.put({
    ...policyOf('late', 'r'),
    rules: [{ ...policyOf('l', 'r').rules[0], controls: ['L:1'] } as never],
  })
  const count = async (at: string) =>
    (await service.call('GET', `/v1/reports/controls?framework=L&at=${at}`)).body.items.length
  expect([await count(time(2500)), await count(new Date(Date.now() + 1000).toISOString())]).toEqual([0, 1])
})

test('a time that there is not is refused', async () => {
  const { status, body } = await report({ at: '0000-01-01T00:00:00Z' })
  expect([status, body.errors?.[0]?.pointer]).toEqual([400, '/at'])
})
