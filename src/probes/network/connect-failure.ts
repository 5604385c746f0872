import { isIPv6 } from 'node:net'
import type { Endpoint, Outcome } from '../engine/probe.ts'
import type { IcmpMessage } from './connector/connector.ts'
import { explainIcmp, isFromTarget, isUnresolved } from './icmp.ts'
import { findRouteError, findSilentHop, isDirect, isGatewayLost, isOnLink, isOwnAddress } from './routing.ts'

/** How a connect() failed. */
interface ConnectFailure {
  /** The error code of the operating system, such as ECONNREFUSED. */
  code: string
  /** connect() itself failed, so the network cannot be the cause. */
  immediate: boolean
  /** Absent where the connector does not know it, or none came. */
  icmp?: IcmpMessage | undefined
}

const refused: Outcome = { state: 'closed', reason: 'connection-refused' }
const prohibited: Outcome = { state: 'filtered', reason: 'icmp-prohibited' }
const hostUnreachable: Outcome = { state: 'unreachable', reason: 'host-unreachable' }
const icmpUnreachable: Outcome = { state: 'unreachable', reason: 'icmp-unreachable' }
const notForwarded: Outcome = { state: 'unreachable', reason: 'icmp-not-forwarded' }
const noLocalRoute: Outcome = { state: 'unknown', reason: 'no-local-route' }
const portsExhausted: Outcome = { state: 'unknown', reason: 'ports-exhausted' }
const localDenied: Outcome = { state: 'unknown', reason: 'local-denied' }
const localFailure: Outcome = { state: 'unknown', reason: 'local-failure' }
const descriptorsExhausted: Outcome = { state: 'unknown', reason: 'descriptors-exhausted' }
const localResources: Outcome = { state: 'unknown', reason: 'local-resources' }
const reset: Outcome = { state: 'open', reason: 'connection-reset' }

/** No packet arrived before the deadline. */
export const silence: Outcome = { state: 'filtered', reason: 'no-response' }

/** Outcomes that need only the code. */
const outcomes: Record<string, Outcome> = {
  ECONNREFUSED: refused,
  ETIMEDOUT: silence,
  // Reported only after the TCP handshake; a reset before that is ECONNREFUSED.
  ECONNRESET: reset,
  EPIPE: reset,
  EMFILE: descriptorsExhausted,
  ENFILE: descriptorsExhausted,
  ENOBUFS: localResources,
  ENOMEM: localResources,
  EADDRINUSE: portsExhausted,
  EPERM: localDenied,
  EAFNOSUPPORT: noLocalRoute,
  EINVAL: noLocalRoute, // a link-local address without an interface (ipv6(7))
}

/** Errors that Linux derives from ICMP alone (icmp_err_convert, icmpv6_err_convert), for a connector that shows only them. */
const icmpErrors: Record<string, Outcome> = {
  ENOPROTOOPT: prohibited, // protocol unreachable
  EHOSTDOWN: icmpUnreachable, // host unknown
  ENONET: icmpUnreachable, // source host isolated
  EOPNOTSUPP: notForwarded, // source route failed
  EMSGSIZE: notForwarded, // fragmentation needed, packet too big
  EPROTO: notForwarded, // parameter problem
}

/** Maps a failed connect to an outcome; separates local failures from the target's state. */
export function explainFailure(
  endpoint: Endpoint,
  { code, immediate, icmp }: ConnectFailure,
): Outcome | Promise<Outcome> {
  if (icmp) return explainMessage(icmp, endpoint)
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH')
    return immediate
      ? noLocalRoute
      : findLocalFailure(endpoint).then((one) => one ?? explainUnreachable(endpoint, code))
  // No source port, or no source address (IPv6 is off); in the latter case UDP fails too.
  if (code === 'EADDRNOTAVAIL') return findLocalFailure(endpoint).then((one) => one ?? portsExhausted)
  // From the network: ICMPv6 type 1 code 1, 5 or 6; IPv4 never gives EACCES.
  if (code === 'EACCES') return !immediate && isIPv6(endpoint.address) ? prohibited : localDenied
  return (immediate ? undefined : icmpErrors[code]) ?? outcomes[code] ?? localFailure
}

/** The kernel sends ICMP messages to itself too: for a failed address resolution, and for the rules of a local firewall. */
async function explainMessage(icmp: IcmpMessage, { address }: Endpoint): Promise<Outcome> {
  const isLocal = icmp.sender === undefined ? icmp.origin === 'local' : isOwnAddress(icmp.sender)
  if (!isLocal || isFromTarget(icmp, address)) return explainIcmp(icmp, address)
  if (!isUnresolved(icmp)) return localDenied
  return (await isDirect(address)) ? hostUnreachable : noLocalRoute
}

/**
 * Explains silence by local routing and ARP, if it can.
 * With a deadline below ARP's three seconds, an absent host would appear filtered.
 */
export async function explainSilence(endpoint: Endpoint): Promise<Outcome | undefined> {
  const failure = await findLocalFailure(endpoint)
  if (failure) return failure
  return outcomeOfHop(await findSilentHop(endpoint.address))
}

/** A failure of the local routing, if any; an unknown error counts as one. */
async function findLocalFailure({ address, port }: Endpoint): Promise<Outcome | undefined> {
  const code = await findRouteError(address, port)
  if (code === undefined) return undefined
  if (code === 'EACCES') return localDenied
  const outcome = outcomes[code]
  return outcome?.state === 'unknown' ? outcome : noLocalRoute
}

const outcomeOfHop = (hop: Awaited<ReturnType<typeof findSilentHop>>): Outcome | undefined =>
  hop === 'host' ? hostUnreachable : hop === 'gateway' ? noLocalRoute : undefined

/**
 * EHOSTUNREACH or ENETUNREACH without the message: an absent host, a missing route or a filter. Time does not separate them: a
 * router reports an absent host after three seconds, or sooner if it has been resolving the address for another packet.
 */
async function explainUnreachable({ address }: Endpoint, code: string): Promise<Outcome> {
  const known = outcomeOfHop(await findSilentHop(address))
  if (known) return known
  if (await isGatewayLost(address)) return noLocalRoute
  // On the link an IPv6 filter gives EACCES, and a missing route ENETUNREACH.
  return code === 'EHOSTUNREACH' && isIPv6(address) && isOnLink(address) ? hostUnreachable : icmpUnreachable
}
