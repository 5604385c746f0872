import type { FirewallProposal } from '../../domain/firewall/change.ts'
import { renderAws } from './aws.ts'
import { renderCisco } from './cisco.ts'
import { renderNftables } from './nftables.ts'
import { renderWindows } from './windows.ts'

interface FirewallFormat {
  mediaType: string
  /** Of the file name. */
  ending: string
  /** Product and command, for OpenAPI. */
  description: string
  /** An excerpt, for OpenAPI. */
  example: object | string
  render: (proposal: FirewallProposal) => string
}

/** What a proposal can be written as; each entry is a `format` of `GET /v1/policies/{name}/firewall`. */
export const firewallFormats = {
  nftables: {
    mediaType: 'text/x-nftables',
    ending: 'nft',
    description: 'A ruleset for `nft -f`',
    example: 'ip6 saddr { 2001:db8:1::/48 } ip6 daddr { 2001:db8::11 } tcp dport { 443 } accept\n',
    render: renderNftables,
  },
  windows: {
    mediaType: 'text/x-powershell',
    ending: 'ps1',
    description: 'A PowerShell script with `New-NetFirewallRule`',
    example: "New-NetFirewallRule -DisplayName 'portwarden: https' -Direction Inbound -Action Allow\n",
    render: renderWindows,
  },
  cisco: {
    mediaType: 'text/x-cisco-ios',
    ending: 'ios.txt',
    description: 'Named extended access lists of Cisco IOS',
    example: 'permit tcp 2001:db8:1::/48 host 2001:db8::11 eq 443\n',
    render: renderCisco,
  },
  aws: {
    mediaType: 'application/vnd.aws.ip-permissions+json',
    ending: 'aws.json',
    description: '`IpPermissions` for `aws ec2 authorize-security-group-ingress`, and `IpPermissionsEgress`',
    example: { Comments: [], IpPermissions: [], IpPermissionsEgress: [] },
    render: renderAws,
  },
} as const satisfies Record<string, FirewallFormat>

export type FirewallFormatName = keyof typeof firewallFormats
