import { isIPv4, isIPv6 } from 'node:net'

const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i

/** What `isHost` asks for, in words that follow "must be". */
export const describeHost = 'an IP address or a host name'

/**
 * True for a plain IPv4 or IPv6 literal and for a host name (RFC 1123, underscores allowed as Active Directory uses them).
 * False for what resolvers would read as an address in disguise (`127.1`, `0x7f.1`, `017700000001`), zone ids, and the empty name.
 */
export function isHost(host: string): boolean {
  if (isIPv4(host)) return true
  if (isIPv6(host)) return !host.includes('%')
  const labels = host.replace(/\.$/, '').split('.')
  if (host.length > 253 || !labels.every((part) => label.test(part))) return false
  // A last label that is a number, decimal or hexadecimal, makes inet_aton() see an address (WHATWG URL, "ends in a number").
  return !/^(\d+|0x[0-9a-f]*)$/i.test(labels.at(-1) ?? '')
}
