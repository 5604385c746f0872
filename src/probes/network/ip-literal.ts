import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

export type Address = ReturnType<typeof ipaddr.process>

/** Parses a plain IP address, without zone or abbreviation. IPv4-mapped addresses become IPv4, as in the kernel. */
export function parseLiteral(text: string): Address | undefined {
  // Fast path: Node has validated the form.
  if (isIPv4(text)) return new ipaddr.IPv4(text.split('.').map(Number))
  if (!isIPv6(text) || text.includes('%')) return undefined
  // ipaddr.js confuses IPv4-compatible ::10.0.0.1 with IPv4-mapped ::ffff:10.0.0.1.
  return ipaddr.process(text.replace(/^::(?=\d+\.)/, '::0:'))
}
