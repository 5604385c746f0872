import type { FirewallChange, FirewallProposal } from '../../../src/domain/firewall/change.ts'

const rule = (id: string, title: string) => ({ id, title })
export const change = (more: Partial<FirewallChange>): FirewallChange => ({
  ...{ rules: [rule('https', 'Clients reach the server')], action: 'allow', direction: 'inbound', atTarget: true },
  ...{ protocol: 'tcp', family: 'ipv4', sources: ['10.1.0.0/16', '10.9.0.1/32'], destinations: ['10.20.0.11'] },
  ports: [{ from: 443, to: 443 }],
  ...more,
})
const six = { family: 'ipv6', sources: ['2001:db8:1::/48'], destinations: ['2001:db8::11'] } as const
const dc = { direction: 'outbound', sources: ['10.20.0.11'], destinations: ['10.20.0.5'] } as const
const window = change({ rules: [rule('ssh', 'SSH')], ports: [{ from: 22, to: 22 }] })

/** Each kind of change, in both families, and each way to be left out. */
export const sample: FirewallProposal = {
  policy: { name: 'epp', version: 3, digest: 'd'.repeat(64) },
  target: { name: 'epp-01', address: '10.20.0.11', addresses: ['10.20.0.11', '2001:db8::11'] },
  origin: { vantage: 'branch', zones: ['client'], networks: ['10.1.0.0/16', '10.9.0.1/32', '2001:db8:1::/48'] },
  at: new Date('2026-11-22T12:00:00Z'),
  changes: [
    change({}),
    change(six),
    change({ rules: [rule('ssh', 'SSH is closed')], action: 'drop', ports: [{ from: 22, to: 22 }] }),
    change({ ...six, rules: [rule('ssh', 'SSH is closed')], action: 'drop', ports: [{ from: 22, to: 22 }] }),
    change({
      ...{ rules: [rule('rpc', 'Nothing else')], action: 'reject' },
      ports: [
        { from: 135, to: 135 },
        { from: 49_152, to: 65_535 },
      ],
    }),
    change({ rules: [rule('dns', 'DNS')], protocol: 'udp', action: 'reject', ports: [{ from: 53, to: 53 }] }),
    change({ ...dc, rules: [rule('ldap', 'The server reaches its directory')], ports: [{ from: 389, to: 389 }] }),
    change({ rules: [rule('proxy', 'Clients reach the proxy')], atTarget: false, destinations: ['10.20.0.7'] }),
  ],
  left: [
    { rule: rule('ssh', 'SSH'), reason: 'window', message: 'only while an approved window is open', changes: [window] },
    { rule: rule('ad', 'AD'), reason: 'address-unknown', message: 'the address of dc1 is not known', changes: [] },
  ],
}

/** The sample with this text wherever names and titles of others stand. */
export function withText(text: string): FirewallProposal {
  const rules = (changes: readonly FirewallChange[]) =>
    changes.map((one) => ({ ...one, rules: one.rules.map(({ id, title }) => rule(`${id}${text}`, `${title}${text}`)) }))
  return {
    ...sample,
    policy: { name: text, version: 1, digest: text },
    target: { ...sample.target, name: text, address: text },
    origin: { ...sample.origin, vantage: text, zones: [text] },
    changes: rules(sample.changes),
    left: sample.left.map((one) => ({ ...one, rule: rule(text, text), message: text, changes: rules(one.changes) })),
  }
}
