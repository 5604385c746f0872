import { isIPv4, isIPv6 } from 'node:net'

const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i

/** Completes "must be" for a value that `isHost` refuses. */
export const describeHost = 'an IP address or a host name'

/** Completes "must be" for this value, which `isHost` refuses. */
export const describeHostFor = (host: string): string =>
  isIPv6(host) ? `an IP address without a zone such as ${host.slice(host.indexOf('%'))}` : describeHost

/**
 * True for an IPv4 or IPv6 literal and a host name (RFC 1123, with the underscores of Active Directory). False for the empty
 * name, zone ids, and other spellings that resolvers read as an address: `127.1`, `0x7f.1`, `017700000001`.
 */
export function isHost(host: string): boolean {
  if (isIPv4(host)) return true
  if (isIPv6(host)) return !host.includes('%')
  const labels = host.replace(/\.$/, '').split('.')
  if (host.length > 253 || !labels.every((part) => label.test(part))) return false
  // inet_aton() reads a name with a numeric last label as an address (WHATWG URL, "ends in a number").
  return !/^(\d+|0x[0-9a-f]*)$/i.test(labels.at(-1) ?? '')
}

/** One spelling of each literal address, as URLs have it; IPv4-mapped ones as IPv4. */
export function canonicalAddress(address: string): string {
  if (isIPv4(address)) return address
  const { hostname } = new URL(`http://[${address}]`)
  const [, high, low] = /^\[::ffff:([\da-f]+):([\da-f]+)\]$/.exec(hostname) ?? []
  if (!high || !low) return hostname
  const groups = [high, low].map((group) => Number.parseInt(group, 16))
  return groups.flatMap((group) => [group >> 8, group & 255]).join('.')
}
