import type { FirewallAction, FirewallChange, FirewallProposal, LeftOut } from '../../domain/firewall/change.ts'
import { commentText, headOf, nameOf, portText, purposeOf } from './text.ts'

const hooks = ['input', 'forward', 'output'] as const

/**
 * A ruleset for `nft -f` on the target or a router before it: one table, which replaces an earlier one.
 * A verdict `accept` ends this table alone; chains of other tables still may drop.
 */
export function renderNftables(proposal: FirewallProposal): string {
  const table = `inet ${nameOf(proposal).replaceAll('-', '_')}`
  const hook = (name: string) =>
    `  chain ${name} {\n    type filter hook ${name} priority filter; policy accept;\n    jump flows\n  }`
  return [
    ...headOf(proposal).map(comment),
    comment(
      'Load with nft -f on the target or on a router before it. Packets that this table accepts may meet chains of other tables.',
    ),
    `add table ${table}`,
    `delete table ${table}`,
    `table ${table} {`,
    '  chain flows {',
    ...proposal.changes.flatMap((change) => [`    ${comment(purposeOf(change))}`, `    ${ruleOf(change)}`]),
    ...proposal.left.flatMap(notProposed).map((line) => `    ${line}`),
    '  }',
    ...hooks.map(hook),
    '}',
    '',
  ].join('\n')
}

const comment = (text: string) => `# ${commentText(text, 300)}`

function notProposed({ rule, message, changes }: LeftOut): string[] {
  return [
    comment(`NOT PROPOSED ${rule.id}: ${rule.title}: ${message}`),
    ...changes.map((change) => `#   ${ruleOf(change)}`),
  ]
}

function ruleOf({ family, sources, destinations, protocol, ports, action }: FirewallChange): string {
  const ip = family === 'ipv4' ? 'ip' : 'ip6'
  const set = (items: readonly string[]) => `{ ${items.join(', ')} }`
  const ends = `${ip} saddr ${set(sources)} ${ip} daddr ${set(destinations)}`
  return `${ends} ${protocol} dport ${set(ports.map((port) => portText(port)))} ${verdictOf(action, protocol)}`
}

function verdictOf(action: FirewallAction, protocol: FirewallChange['protocol']): string {
  if (action !== 'reject') return action === 'allow' ? 'accept' : 'drop'
  return protocol === 'tcp' ? 'reject with tcp reset' : 'reject with icmpx port-unreachable'
}
