import type { FirewallChange, FirewallProposal } from '../../domain/firewall/change.ts'
import { asciiText, headOf, purposeOf } from './text.ts'

/** The longest description of a range (EC2 API, IpRange). */
const maxDescription = 255

/**
 * `IpPermissions` as `aws ec2 authorize-security-group-ingress --ip-permissions` takes them, `IpPermissionsEgress` for
 * `authorize-security-group-egress`, and in `Comments` what no security group can say.
 */
export function renderAws(proposal: FirewallProposal): string {
  const allowed = proposal.changes.filter(({ action, atTarget }) => action === 'allow' && atTarget)
  const comments = [
    ...headOf(proposal),
    'For the security group of the target. A security group allows alone: what no group of the target allows is denied.',
    ...proposal.changes.filter((change) => !allowed.includes(change)).map(explain),
    ...proposal.left.map(({ rule, message }) => `NOT PROPOSED ${rule.id}: ${rule.title}: ${message}`),
  ]
  const document = {
    Comments: comments.map((text) => asciiText(text, 500)),
    IpPermissions: permissionsOf(allowed.filter(({ direction }) => direction === 'inbound')),
    IpPermissionsEgress: permissionsOf(allowed.filter(({ direction }) => direction === 'outbound')),
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

function explain(change: FirewallChange): string {
  const what = `NOT PROPOSED ${purposeOf(change)}`
  if (!change.atTarget) return `${what}: the flow ends at another host: its group has to have the rule`
  const { direction, ports, protocol } = change
  const [word, ends] = direction === 'inbound' ? ['from', change.sources] : ['to', change.destinations]
  const numbers = ports.map(({ from, to }) => (from === to ? from : `${from}-${to}`)).join(', ')
  return `${what}: a group cannot deny. Revoke what allows ${direction} ${protocol} ${numbers} ${word} ${ends.join(', ')}`
}

/** EC2 refuses a permission that occurs twice: ranges of the same ports are one. */
function permissionsOf(changes: readonly FirewallChange[]): object[] {
  const entries = changes.flatMap((change) => change.ports.map((port) => ({ ...change, port })))
  const same = Map.groupBy(entries, ({ protocol, port }) => `${protocol} ${port.from} ${port.to}`)
  return [...same.values()].map((group) => {
    const [{ protocol, port } = { protocol: 'tcp', port: { from: 0, to: 0 } }] = group
    const [four, six] = [rangesOf(group, 'ipv4'), rangesOf(group, 'ipv6')]
    return {
      IpProtocol: protocol,
      FromPort: port.from,
      ToPort: port.to,
      ...(four.length > 0 && { IpRanges: four.map(([CidrIp, Description]) => ({ CidrIp, Description })) }),
      ...(six.length > 0 && { Ipv6Ranges: six.map(([CidrIpv6, Description]) => ({ CidrIpv6, Description })) }),
    }
  })
}

/** The ranges of a family, each once, with their descriptions. */
function rangesOf(changes: readonly FirewallChange[], family: FirewallChange['family']): [string, string][] {
  const bits = family === 'ipv4' ? 32 : 128
  const ranges = new Map<string, string>()
  for (const change of changes.filter((one) => one.family === family)) {
    const ends = change.direction === 'inbound' ? change.sources : change.destinations
    for (const end of ends) {
      const range = end.includes('/') ? end : `${end}/${bits}`
      if (!ranges.has(range)) ranges.set(range, asciiText(purposeOf(change), maxDescription))
    }
  }
  return [...ranges]
}
