import type { FirewallChange, FirewallProposal, LeftOut } from '../../domain/firewall/change.ts'
import { commentText, headOf, nameOf, portText, purposeOf } from './text.ts'

/** A PowerShell script for the target, with New-NetFirewallRule of the module NetSecurity. */
export function renderWindows(proposal: FirewallProposal): string {
  const group = nameOf(proposal)
  const render = (change: FirewallChange) => {
    const refusal = refusalOf(change)
    const [purpose, command] = [purposeOf(change), commandOf(change, group)]
    return refusal ? notProposed(purpose, refusal, [command]) : [comment(purpose), command]
  }
  const left = ({ rule, message, changes }: LeftOut) =>
    notProposed(
      `${rule.id}: ${rule.title}`,
      message,
      changes.map((change) => commandOf(change, group)),
    )
  return [
    ...headOf(proposal).map(comment),
    comment(`Run on the target as administrator. Remove-NetFirewallRule -Group ${group} takes it back.`),
    '#Requires -RunAsAdministrator',
    ...proposal.changes.flatMap(render),
    ...proposal.left.flatMap(left),
    '',
  ].join('\n')
}

const comment = (text: string) => `# ${commentText(text, 300)}`

const notProposed = (purpose: string, reason: string, commands: readonly string[]) => [
  comment(`NOT PROPOSED ${purpose}: ${reason}`),
  ...commands.map((command) => `#   ${command}`),
]

/** Why the firewall of the target cannot do it. */
function refusalOf({ atTarget, action }: FirewallChange): string | undefined {
  if (!atTarget) return 'the flow ends at another host: its firewall has to have the rule'
  return action === 'reject' ? 'the rule demands closed, and Windows Firewall drops without a response' : undefined
}

/** A single-quoted string: PowerShell expands nothing in it (about_Quoting_Rules). */
const quote = (text: string) => `'${text.replaceAll("'", "''")}'`
const listOf = (texts: readonly string[]) => texts.map(quote).join(',')

function commandOf(change: FirewallChange, group: string): string {
  const { direction, action, protocol, ports, sources, destinations } = change
  const [local, remote] = direction === 'inbound' ? [destinations, sources] : [sources, destinations]
  const portName = direction === 'inbound' ? '-LocalPort' : '-RemotePort'
  const name = change.rules.map(({ id }) => id).join(', ')
  return [
    `New-NetFirewallRule -DisplayName ${quote(commentText(`${group}: ${name}`))} -Group ${quote(group)}`,
    `-Description ${quote(commentText(purposeOf(change)))}`,
    `-Direction ${direction === 'inbound' ? 'Inbound' : 'Outbound'} -Action ${action === 'allow' ? 'Allow' : 'Block'}`,
    `-Protocol ${protocol.toUpperCase()} ${portName} ${listOf(ports.map((port) => portText(port)))}`,
    `-LocalAddress ${listOf(local)} -RemoteAddress ${listOf(remote)}`,
  ].join(' ')
}
