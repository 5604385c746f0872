/** What `policy firewall` can print. */
export const firewallFormatNames = ['nftables', 'windows', 'cisco', 'aws', 'json'] as const

export interface FirewallOptions {
  target: string
  zone?: string
  vantage?: string
  source?: string[]
  resolve?: string[]
  format: (typeof firewallFormatNames)[number]
  server?: URL
}
