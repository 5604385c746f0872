import { isIPv4 } from 'node:net'
import type { FirewallChange, FirewallProposal, LeftOut, PortRange } from '../../domain/firewall/change.ts'
import { asciiText, headOf, nameOf, purposeOf } from './text.ts'

/** Named extended access lists of Cisco IOS and IOS XE, one for each direction and IP family that has entries. */
export function renderCisco(proposal: FirewallProposal): string {
  const lists = (['inbound', 'outbound'] as const).flatMap((direction) =>
    (['ipv4', 'ipv6'] as const).flatMap((family) => listFor(proposal, direction, family)),
  )
  return [
    ...headOf(proposal).map(comment),
    comment('An access list ends with an implicit deny, and knows no connections: merge these entries into yours.'),
    comment('Apply the list IN to the packets towards the target, and OUT to those that leave it.'),
    ...lists,
    ...proposal.left.flatMap(notProposed),
    'end',
    '',
  ].join('\n')
}

/** `?` would call for help where the text is pasted; it is none of the characters that stay. */
const comment = (text: string) => `! ${asciiText(text, 200)}`

function listFor(
  proposal: FirewallProposal,
  direction: FirewallChange['direction'],
  family: FirewallChange['family'],
): string[] {
  const changes = proposal.changes.filter((change) => change.direction === direction && change.family === family)
  if (changes.length === 0) return []
  const kind = family === 'ipv4' ? 'ip access-list extended' : 'ipv6 access-list'
  const name = `${nameOf(proposal).slice(0, 52)}-${direction === 'inbound' ? 'IN' : 'OUT'}${family === 'ipv4' ? '' : '6'}`
  return [
    `${kind} ${name}`,
    ...changes.flatMap((change) => {
      const remark = ` remark ${asciiText(purposeOf(change))}`
      if (change.action !== 'reject') return [remark, ...entriesOf(change).map((entry) => ` ${entry}`)]
      return notProposedOf(purposeOf(change), 'the rule demands closed, and deny sends no TCP reset', [change])
    }),
  ]
}

const notProposed = ({ rule, message, changes }: LeftOut): string[] =>
  notProposedOf(`${rule.id}: ${rule.title}`, message, changes)

const notProposedOf = (purpose: string, reason: string, changes: readonly FirewallChange[]): string[] => [
  comment(`NOT PROPOSED ${purpose}: ${reason}`),
  ...changes.flatMap(entriesOf).map((entry) => `!   ${entry}`),
]

const entriesOf = ({ action, protocol, sources, destinations, ports }: FirewallChange): string[] =>
  sources.flatMap((source) =>
    destinations.flatMap((destination) =>
      ports.map((port) =>
        [action === 'allow' ? 'permit' : 'deny', protocol, endOf(source), endOf(destination), portOf(port)].join(' '),
      ),
    ),
  )

const portOf = ({ from, to }: PortRange) => (from === to ? `eq ${from}` : `range ${from} ${to}`)

/** `host A`, `any`, `NETWORK WILDCARD` of IPv4, or `PREFIX/LENGTH` of IPv6. */
function endOf(network: string): string {
  const [address = '', length] = network.split('/')
  const bits = Number(length ?? (isIPv4(address) ? 32 : 128))
  if (bits === 0) return 'any'
  if (bits === (isIPv4(address) ? 32 : 128)) return `host ${address}`
  return isIPv4(address) ? `${address} ${wildcardOf(bits)}` : network
}

/** The inverted mask: 0.0.0.255 for 24 bits. */
function wildcardOf(bits: number): string {
  const mask = 2 ** (32 - bits) - 1
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.')
}
