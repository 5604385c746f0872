import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

export type Address = ReturnType<typeof ipaddr.process>

/**
 * Reads a plain IP address; undefined for names, abbreviations, zones and disguises. An IPv4-mapped address is the IPv4 address in it, as it is
 * for the operating system.
 */
export function parseLiteral(text: string): Address | undefined {
  // Most addresses are of this kind. Node has checked the form, so the expressions of ipaddr.js have nothing left to find.
  if (isIPv4(text)) return new ipaddr.IPv4(text.split('.').map(Number))
  if (!isIPv6(text) || text.includes('%')) return undefined
  // ipaddr.js takes the IPv4-compatible ::10.0.0.1 for the IPv4-mapped ::ffff:10.0.0.1; the operating system does not.
  return ipaddr.process(text.replace(/^::(?=\d+\.)/, '::0:'))
}
