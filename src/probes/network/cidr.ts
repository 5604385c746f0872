import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { type Address, parseLiteral } from './ip-literal.ts'

export interface Network {
  address: Address
  bits: number
  covers(ip: Address): boolean
}

/** Parses a network in the form of `canonicalCidr`. */
export function parseNetwork(cidr: string): Network {
  const [address, bits] = ipaddr.parseCIDR(cidr)
  const kind = address.kind()
  return { address, bits, covers: (ip) => ip.kind() === kind && ip.match(address, bits) }
}

/** The canonical CIDR of a network or a single address; undefined if malformed. */
export function canonicalCidr(text: string): string | undefined {
  const [address = '', bits, ...rest] = text.split('/')
  if (!parseLiteral(address) || rest.length > 0) return undefined
  const maxBits = isIPv4(address) ? 32 : 128
  const length = bits ?? String(maxBits)
  if (!/^\d{1,3}$/.test(length) || Number(length) > maxBits) return undefined
  const family = maxBits === 32 ? ipaddr.IPv4 : ipaddr.IPv6
  return `${family.networkAddressFromCIDR(`${address}/${Number(length)}`)}/${Number(length)}`
}

/** The networks without those that lie within another, in their order; all in the form of `canonicalCidr`. */
export function distinctNetworks(cidrs: readonly string[]): string[] {
  const networks = [...new Set(cidrs)].map((cidr) => ({ cidr, ...parseNetwork(cidr) }))
  const isWithin = (inner: Network, outer: Network) => outer.bits < inner.bits && outer.covers(inner.address)
  return networks.filter((one) => !networks.some((other) => isWithin(one, other))).map(({ cidr }) => cidr)
}
