import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

export type Address = ReturnType<typeof ipaddr.process>

// Checks of one host parse its address again and again.
const parsed = new Map<string, Address>()
const maxParsed = 4_096

/** Parses a plain IP address, without zone or abbreviation. IPv4-mapped addresses become IPv4, as in the kernel. */
export function parseLiteral(text: string): Address | undefined {
  const known = parsed.get(text)
  if (known) return known
  const address = parse(text)
  if (parsed.size >= maxParsed) parsed.clear()
  if (address) parsed.set(text, address)
  return address
}

function parse(text: string): Address | undefined {
  // Fast path: Node has validated the form.
  if (isIPv4(text)) return new ipaddr.IPv4(text.split('.').map(Number))
  if (!isIPv6(text) || text.includes('%')) return undefined
  // ipaddr.js confuses IPv4-compatible ::10.0.0.1 with IPv4-mapped ::ffff:10.0.0.1.
  return ipaddr.process(text.replace(/^::(?=\d+\.)/, '::0:'))
}
