import ipaddr from 'ipaddr.js'
import { describeHostFor, isHost } from '../../domain/findings/endpoint.ts'
import { UsageError } from '../command.ts'

/** Hosts of one range: a /16 of IPv4. */
const maxRange = 65_536

/** The hosts that the arguments name, each once; throws UsageError. A CIDR range stands for each of its addresses. */
export function expandHosts(texts: readonly string[]): string[] {
  return [...new Set(texts.flatMap((text) => (text.includes('/') ? addressesOf(text) : [checkHost(text)])))]
}

function checkHost(text: string): string {
  if (!isHost(text)) throw new UsageError(`${text}: must be ${describeHostFor(text)}, or a range such as 10.20.0.0/28`)
  return text
}

function addressesOf(text: string): string[] {
  if (!ipaddr.isValidCIDR(text) || text.includes('%'))
    throw new UsageError(`${text} is not a range of addresses such as 10.20.0.0/28`)
  const [address, prefix] = ipaddr.parseCIDR(text)
  const bytes = address.toByteArray()
  const hostBits = bytes.length * 8 - prefix
  if (hostBits > Math.log2(maxRange))
    throw new UsageError(`${text} has more than ${maxRange} addresses: name smaller ranges`)
  const base = bytes.reduce((all, byte) => (all << 8n) | BigInt(byte), 0n)
  const first = (base >> BigInt(hostBits)) << BigInt(hostBits)
  return Array.from({ length: 2 ** hostBits }, (_, i) => addressAt(first + BigInt(i), bytes.length))
}

function addressAt(value: bigint, length: number): string {
  const bytes = Array.from({ length }, (_, i) => Number((value >> BigInt(8 * (length - 1 - i))) & 255n))
  return ipaddr.fromByteArray(bytes).toString()
}
