import type { Outcome } from '../engine/probe.ts'
import type { IcmpMessage } from './connector/connector.ts'
import { parseLiteral } from './ip-literal.ts'

/**
 * What an ICMP message says of a connection:
 * - `port`: the port is unreachable.
 * - `prohibited`: a filter, or the host, does not permit the traffic.
 * - `host`, `network`: there is no path to it.
 * - `forwarding`: the packet itself could not be forwarded.
 */
type Meaning = 'port' | 'prohibited' | 'host' | 'network' | 'forwarding'

const destinationUnreachable = 3
const destinationUnreachable6 = 1

/** Codes of type 3 (RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1). Code 4 belongs to path MTU discovery. */
const codes: Readonly<Record<number, Meaning>> = {
  0: 'network',
  1: 'host',
  2: 'prohibited', // protocol unreachable: every host has TCP, so it is a filter
  3: 'port',
  4: 'forwarding', // fragmentation needed
  5: 'forwarding', // source route failed
  6: 'network', // destination network unknown
  7: 'host', // destination host unknown
  8: 'network', // source host isolated
  9: 'prohibited', // communication with the network is administratively prohibited
  10: 'prohibited', // the same with the host
  11: 'network', // unreachable for this type of service
  12: 'host', // the same
  13: 'prohibited', // communication administratively prohibited by filtering
  14: 'prohibited', // host precedence violation
  15: 'prohibited', // precedence cutoff: a minimum that the operator of the network demands
}

/** Codes of type 1 (RFC 4443 section 3.1, RFC 6550, RFC 8883). */
const codes6: Readonly<Record<number, Meaning>> = {
  0: 'network', // no route
  1: 'prohibited', // administratively prohibited
  2: 'network', // beyond the scope of the source address
  3: 'host', // address unreachable: address resolution failed
  4: 'port',
  5: 'prohibited', // the source address failed an ingress or egress policy
  6: 'prohibited', // a reject route
  7: 'forwarding', // error in the source routing header
  8: 'forwarding', // headers too long
}

/** Other types, such as time exceeded, packet too big, parameter problem and source quench, concern the packet alone. */
function meaningOf({ origin, type, code }: IcmpMessage): Meaning {
  const known =
    origin === 'icmp6' ? type === destinationUnreachable6 && codes6 : type === destinationUnreachable && codes
  return (known ? known[code] : undefined) || 'forwarding'
}

const outcomes: Readonly<Record<Meaning, Outcome>> = {
  port: { state: 'closed', reason: 'icmp-port-unreachable' },
  prohibited: { state: 'filtered', reason: 'icmp-prohibited' },
  host: { state: 'unreachable', reason: 'host-unreachable' },
  network: { state: 'unreachable', reason: 'network-unreachable' },
  forwarding: { state: 'unreachable', reason: 'icmp-not-forwarded' },
}

/**
 * The outcome of a connection to `target` that an ICMP message of a remote sender ended. Pure. A router that finds no host and
 * a filter that pretends so cannot be distinguished: `unreachable`. The target itself exists, so its message is a reject.
 */
export function explainIcmp(message: IcmpMessage, target: string): Outcome {
  const { sender } = message
  const meaning = meaningOf(message)
  const isReject = (meaning === 'host' || meaning === 'network') && isFromTarget(message, target)
  const outcome = outcomes[isReject ? 'prohibited' : meaning]
  return sender === undefined ? outcome : { ...outcome, rejectedBy: sender }
}

/** Whether a failure of address resolution can have caused the message; the kernel sends it to itself (arp(7)). */
export const isUnresolved = (message: IcmpMessage): boolean => meaningOf(message) === 'host'

export const isFromTarget = ({ sender }: IcmpMessage, target: string): boolean =>
  sender !== undefined && parseLiteral(sender)?.toString() === parseLiteral(target)?.toString()
