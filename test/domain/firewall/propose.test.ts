import { describe, expect, test } from 'vitest'
import { proposeChanges } from '../../../src/domain/firewall/propose.ts'
import type { PolicyRule } from '../../../src/domain/policy/policy.ts'

const address = '10.20.0.11'
const rule = (id: string, more: Partial<PolicyRule> = {}): PolicyRule => ({
  ...{ id, title: `Title of ${id}`, severity: 'high', direction: 'inbound', from: ['client'], probe: 'tcp', port: 443 },
  expect: {},
  ...more,
})
const notOpen = { state: ['closed', 'filtered'] }
const known: Record<string, string[]> = { [address]: [address], 'dual.example': ['10.20.0.12', '2001:db8::12'] }

interface More {
  networks?: string[]
  zones?: string[]
  values?: Record<string, string>
  target?: string
}
const propose = (
  rules: PolicyRule[],
  { networks = ['10.1.0.0/16'], zones = ['client'], values = {}, target = address }: More = {},
) =>
  proposeChanges({
    document: { name: 'p', title: 'P', rules },
    values,
    address: target,
    origin: { vantage: null, zones, networks },
    addressesOf: (host) => known[host] ?? (/^[\d.:a-f]+$/.test(host) ? [host] : []),
  })

describe('a rule', () => {
  test('that demands open becomes a change that allows, with the networks of its zone and the address of the target', () => {
    expect(propose([rule('https')])).toEqual({
      changes: [
        {
          ...{ rules: [{ id: 'https', title: 'Title of https' }], action: 'allow', direction: 'inbound' },
          ...{ atTarget: true, protocol: 'tcp', family: 'ipv4', sources: ['10.1.0.0/16'], destinations: [address] },
          ports: [{ from: 443, to: 443 }],
        },
      ],
      left: [],
    })
  })

  test.each([
    ['closed or filtered', ['closed', 'filtered'], 'drop'],
    ['filtered', ['filtered'], 'drop'],
    ['closed', ['closed'], 'reject'],
  ])('that demands %s becomes one that refuses so that the rule passes', (_, state, action) => {
    expect(propose([rule('ssh', { expect: { state } })]).changes).toMatchObject([{ action }])
  })

  test.each([
    ['closed or filtered', ['closed', 'filtered'], 'reject'],
    ['closed', ['closed'], 'reject'],
    ['filtered', ['filtered'], 'drop'],
    ['open', ['open'], 'allow'],
  ])('of a UDP port that demands %s becomes one that an audit can confirm', (_, state, action) => {
    const overUdp = { ...rule('dns', { probe: 'dns', port: 53, expect: { state } }), transport: 'udp' as const }
    expect(propose([overUdp]).changes).toMatchObject([{ action, protocol: 'udp' }])
    const udp = rule('udp', { probe: 'udp', port: 161, expect: { state } })
    expect(propose([udp]).changes).toMatchObject([{ action, protocol: 'udp' }])
  })

  test('that accepts the port open and closed is left out', () => {
    expect(propose([rule('any', { expect: { state: ['open', 'closed'] } })])).toMatchObject({
      changes: [],
      left: [{ rule: { id: 'any' }, reason: 'any-state', changes: [] }],
    })
  })

  test('of another zone is not mentioned', () => {
    expect(propose([rule('https', { from: ['server', 'support'] })])).toEqual({ changes: [], left: [] })
  })

  test('that does not apply to the target is left out', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of the policy
    expect(propose([rule('ad', { when: '${dc}' })])).toMatchObject({
      changes: [],
      left: [{ reason: 'not-applicable' }],
    })
  })

  test('with a window keeps the port closed, and shows what the window would open', () => {
    expect(propose([rule('ssh', { expect: notOpen, insideWindow: { expect: {} } })])).toMatchObject({
      changes: [{ action: 'drop' }],
      left: [{ reason: 'window', changes: [{ action: 'allow', rules: [{ id: 'ssh' }] }] }],
    })
  })

  test('whose window changes no state has nothing more to show', () => {
    const tls = { state: ['open'], tls: { minVersion: 'TLSv1.2' } }
    expect(propose([rule('tls', { insideWindow: { expect: tls } })]).left).toEqual([])
  })

  test.each([
    ['from its own zones', ['client'], 'allow'],
    ['from those of the other side', ['untrusted'], 'drop'],
  ])('with two sides demands %s what it says of them', (_, zones, action) => {
    const paired = rule('pair', { unlike: { from: ['untrusted'], expect: notOpen } })
    expect(propose([paired], { zones }).changes).toMatchObject([{ action }])
  })

  test('about the network of another host is not one of the target', () => {
    expect(propose([rule('proxy', { host: '10.20.0.7' })]).changes).toMatchObject([
      { atTarget: false, destinations: ['10.20.0.7'] },
    ])
  })

  test('of the server to its directory has the target as its source', () => {
    const ldap = rule('ldap', { direction: 'outbound', from: ['server'], probe: 'ldap', port: 389, host: '10.20.0.5' })
    expect(propose([ldap], { zones: ['server'], networks: [] }).changes).toMatchObject([
      { direction: 'outbound', atTarget: true, sources: [address], destinations: ['10.20.0.5'] },
    ])
  })

  test.each([
    ['the networks of its zone', {}, { networks: [] }, 'origin-unknown', 'client'],
    ['the address of the target', {}, { target: 'epp.example' }, 'address-unknown', 'epp.example'],
    ['the address of its host', { host: 'dc1.example' }, {}, 'address-unknown', 'dc1.example'],
  ] as [string, Partial<PolicyRule>, More, string, string][])(
    'is left out without %s',
    (_, more, inputs, reason, named) => {
      const { changes, left } = propose([rule('r', more)], inputs)
      expect({ changes, left }).toMatchObject({ changes: [], left: [{ reason, changes: [] }] })
      expect(left[0]?.message).toContain(named)
    },
  )
})

describe('families', () => {
  const networks = ['10.1.0.0/16', '2001:db8:1::/48']

  test('are changes of their own', () => {
    expect(propose([rule('https', { host: 'dual.example' })], { networks }).changes).toMatchObject([
      { family: 'ipv4', sources: ['10.1.0.0/16'], destinations: ['10.20.0.12'] },
      { family: 'ipv6', sources: ['2001:db8:1::/48'], destinations: ['2001:db8::12'] },
    ])
  })

  test('that the rule does not name are left out', () => {
    const six = rule('https', { host: 'dual.example', families: ['ipv6'] })
    expect(propose([six], { networks }).changes.map(({ family }) => family)).toEqual(['ipv6'])
  })

  test('that differ at the ends leave nothing to propose', () => {
    expect(propose([rule('https')], { networks: ['2001:db8:1::/48'] }).left).toMatchObject([
      { reason: 'families-differ' },
    ])
  })
})

describe('several rules', () => {
  test('that demand the same are one change', () => {
    const { changes } = propose([rule('tcp'), rule('https', { probe: 'https' })])
    expect(changes).toMatchObject([{ rules: [{ id: 'tcp' }, { id: 'https' }] }])
  })

  test('that contradict each other are both left out, and name each other', () => {
    const { changes, left } = propose([rule('open'), rule('closed', { expect: notOpen }), rule('other', { port: 80 })])
    expect(changes).toMatchObject([{ rules: [{ id: 'other' }] }])
    expect(left).toMatchObject([
      { rule: { id: 'open' }, reason: 'conflict', message: 'rule closed demands the opposite' },
      { rule: { id: 'closed' }, reason: 'conflict', message: 'rule open demands the opposite' },
    ])
  })
})
