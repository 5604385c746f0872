import { isIPv6 } from 'node:net'

/** Destination unreachable, type 3 (RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1). */
const icmpCodes: Readonly<Record<number, string>> = {
  0: 'network unreachable',
  1: 'host unreachable',
  2: 'protocol unreachable',
  3: 'port unreachable',
  4: 'fragmentation needed',
  5: 'source route failed',
  6: 'network unknown',
  7: 'host unknown',
  8: 'source host isolated',
  9: 'network administratively prohibited',
  10: 'host administratively prohibited',
  11: 'network unreachable for this type of service',
  12: 'host unreachable for this type of service',
  13: 'administratively prohibited',
  14: 'host precedence violation',
  15: 'precedence cutoff in effect',
}

/** Destination unreachable, type 1 (RFC 4443 section 3.1, RFC 7084 for code 7). */
const icmp6Codes: Readonly<Record<number, string>> = {
  0: 'no route to destination',
  1: 'administratively prohibited',
  2: 'beyond scope of source address',
  3: 'address unreachable',
  4: 'port unreachable',
  5: 'source address failed ingress or egress policy',
  6: 'route rejected',
  7: 'error in source routing header',
}

/** An ICMP message in words; its sender decides between ICMP and ICMPv6. */
export function describeIcmp({ address, type, code }: { address: string; type: number; code: number }): string {
  const isSix = isIPv6(address)
  const words = isSix ? type === 1 && icmp6Codes[code] : type === 3 && icmpCodes[code]
  return `${isSix ? 'ICMPv6' : 'ICMP'} ${words || `type ${type} code ${code}`}`
}

/** Whether the message is about a hop limit that ran out on the way: ICMP 11/0, ICMPv6 3/0. */
export const isTimeExceeded = ({ type, code }: { type: number; code: number }, isSix: boolean): boolean =>
  code === 0 && type === (isSix ? 3 : 11)
