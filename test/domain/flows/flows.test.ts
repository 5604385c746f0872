import { describe, expect, test } from 'vitest'
import { type FlowOutcome, flowKindOf, standingOf } from '../../../src/domain/flows/edges.ts'
import { type BlockedTrace, type FlowSource, flowsOf } from '../../../src/domain/flows/flows.ts'
import type { PolicyDocument, PolicyRule } from '../../../src/domain/policy/policy.ts'

const rule = (id: string, more: Partial<PolicyRule>): PolicyRule => ({
  ...{ id, title: id, severity: 'high', direction: 'inbound', from: ['client'], probe: 'tcp', port: 22 },
  expect: {},
  ...more,
})
const document: PolicyDocument = {
  name: 'p',
  title: 'P',
  parameters: {
    sshPort: { type: 'port', default: 22 },
    domainController: { type: 'host' },
  },
  rules: [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of the policy
    rule('ssh', { from: ['client', 'untrusted'], port: '${sshPort}', expect: { state: ['closed', 'filtered'] } }),
    rule('ldap', {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of the policy
      ...{ direction: 'outbound', from: ['server'], when: '${domainController}', host: '${domainController}' },
      ...{ probe: 'ldap', port: 389, expect: { ldap: { answers: true } } },
    }),
  ],
}
const outcome = (more: Partial<FlowOutcome>): FlowOutcome => ({
  ...{ rule: 'ssh', vantage: 'v', zones: ['client'], result: 'pass', state: 'filtered', waived: false, count: 1 },
  ...more,
})
const flows = (more: Partial<FlowSource>) =>
  flowsOf([{ document, outcomes: [], parameters: [{ params: {}, targets: 1 }], traces: [], ...more }])

describe('the kind of a flow', () => {
  test.each([
    ['open', {}, undefined],
    ['closed', { state: ['closed', 'filtered'] }, undefined],
    ['window', { state: ['closed'] }, { state: ['open'] }],
    ['closed', { state: ['closed'] }, { state: ['filtered'] }],
    ['either', { state: ['open', 'closed'] }, undefined],
  ] as const)('is %s where %j is demanded, and %j inside a window', (kind, expectation, inside) => {
    const { expect: demanded, insideWindow } = rule('r', {
      expect: { ...expectation },
      ...(inside && { insideWindow: { expect: { ...inside } } }),
    })
    expect(flowKindOf({ expect: demanded, ...(insideWindow && { insideWindow }) })).toBe(kind)
  })
})

describe('how a flow stands', () => {
  test('has the worst result, with the state that most of its checks have', () => {
    const { worst, counts, waived } = standingOf([
      outcome({ count: 5 }),
      outcome({ result: 'fail', state: 'closed', count: 1 }),
      outcome({ result: 'fail', state: 'open', count: 2 }),
      outcome({ result: 'fail', state: 'filtered', count: 9, waived: true }),
    ])
    expect([worst, counts.pass, counts.fail, waived]).toEqual([{ result: 'fail', state: 'open' }, 5, 12, 9])
  })

  test.each([
    [['pass', 'unknown'], 'unknown'],
    [['pass', 'notchecked'], 'notchecked'],
    [['notapplicable', 'pass'], 'pass'],
  ] as const)('of %j is %s', (results, worst) => {
    expect(standingOf(results.map((result) => outcome({ result }))).worst?.result).toBe(worst)
  })

  test('is not known without outcomes', () => {
    expect(standingOf([]).worst).toBeNull()
  })
})

describe('flows', () => {
  test('lead from each zone of a rule to the server, and from the server to the host that a parameter names', () => {
    const { zones, hosts, edges } = flows({
      parameters: [
        { params: { sshPort: 2222 }, targets: 2 },
        { params: { domainController: 'dc1.example.org' }, targets: 3 },
      ],
    })
    expect(edges.map(({ rule: id, from, to, zone }) => [id, from, to, zone])).toEqual([
      ['ssh', 'zone:client', 'server', 'client'],
      ['ssh', 'zone:untrusted', 'server', 'untrusted'],
      ['ldap', 'server', 'peer:domainController', 'server'],
    ])
    expect(zones.map(({ name }) => name)).toEqual(['client', 'untrusted'])
    expect(hosts).toEqual([
      { id: 'server', role: 'server', name: 'server', targets: 5, hosts: [] },
      {
        ...{ id: 'peer:domainController', role: 'peer', name: 'domainController', targets: 3 },
        hosts: [{ value: 'dc1.example.org', targets: 3 }],
      },
    ])
    expect(edges.map(({ ports, targets }) => [ports, targets])).toEqual([
      [
        [
          { value: 22, targets: 3 },
          { value: 2222, targets: 2 },
        ],
        5,
      ],
      [
        [
          { value: 22, targets: 3 },
          { value: 2222, targets: 2 },
        ],
        5,
      ],
      [[{ value: 389, targets: 3 }], 3],
    ])
  })

  test('have the findings of the zone alone; evidence from elsewhere is about all zones of the rule', () => {
    const { edges } = flows({
      outcomes: [
        outcome({ zones: ['client'], count: 4 }),
        outcome({ vantage: 'zone:untrusted', zones: ['untrusted'], result: 'notchecked', state: 'unknown', count: 2 }),
        outcome({ rule: 'ldap', vantage: 'w', zones: ['client'], state: 'open', count: 3 }),
      ],
    })
    expect(edges.map(({ worst, counts: { pass, notchecked } }) => [worst?.result, pass, notchecked])).toEqual([
      ['pass', 4, 0],
      ['notchecked', 0, 2],
      ['pass', 3, 0],
    ])
  })

  test('leave out targets whose parameters do not fit', () => {
    const { edges } = flows({ parameters: [{ params: { sshPort: 'x' }, targets: 7 }] })
    expect(edges.map(({ targets, ports }) => [targets, ports])).toEqual([
      [0, []],
      [0, []],
      [0, []],
    ])
  })

  test('say after which hop packets of blocked checks stop, the most checks first', () => {
    const hop = (number: number, address: string | null) => ({ hop: number, address, others: [], rttMs: 1 })
    const trace = (id: string, hops: ReturnType<typeof hop>[]) =>
      ({
        ...{ id, rule: 'ssh', vantage: 'v', zones: ['client'] },
        result: {
          ...{ address: '10.66.9.9', comparison: null },
          path: { port: 22, outcome: 'silence', endHop: null, rejectedBy: null, hops, loops: false },
        },
      }) as unknown as BlockedTrace
    const { edges } = flows({
      outcomes: [outcome({ count: 3 })],
      traces: [
        trace('t1', []),
        trace('t2', [hop(1, '10.66.1.1'), hop(2, '10.66.2.2'), hop(3, null)]),
        trace('t3', [hop(1, '10.66.1.1'), hop(2, '10.66.2.2')]),
      ],
    })
    expect(edges.map(({ blocked }) => blocked.map(({ after, checks, trace: id }) => [after, checks, id]))).toEqual([
      [
        ['10.66.2.2', 2, 't2'],
        [null, 1, 't1'],
      ],
      [],
      [],
    ])
  })
})
