import { isIPv6 } from 'node:net'
import type { Endpoint, Outcome } from '../engine/probe.ts'
import type { IcmpMessage } from './connector/connector.ts'
import { findRouteError, findSilentHop, isOnLink } from './routing.ts'

/** How a connect() failed. */
interface ConnectFailure {
  endpoint: Endpoint
  /** The error code of the operating system, such as ECONNREFUSED. */
  code: string
  /** connect() itself failed, so the network cannot be the cause. */
  immediate: boolean
  elapsedMs: number
  /** Absent where the connector does not know it, or none came. */
  icmp?: IcmpMessage
}

const refused: Outcome = { state: 'closed', reason: 'connection-refused' }
const prohibited: Outcome = { state: 'filtered', reason: 'icmp-prohibited' }
const hostUnreachable: Outcome = { state: 'unreachable', reason: 'host-unreachable' }
const networkUnreachable: Outcome = { state: 'unreachable', reason: 'network-unreachable' }
const noLocalRoute: Outcome = { state: 'unknown', reason: 'no-local-route' }
const portsExhausted: Outcome = { state: 'unknown', reason: 'ports-exhausted' }
const localDenied: Outcome = { state: 'unknown', reason: 'local-denied' }
const localFailure: Outcome = { state: 'unknown', reason: 'local-failure' }
const descriptorsExhausted: Outcome = { state: 'unknown', reason: 'descriptors-exhausted' }
const localResources: Outcome = { state: 'unknown', reason: 'local-resources' }
const reset: Outcome = { state: 'open', reason: 'connection-reset' }

/** No packet arrived before the deadline. */
export const silence: Outcome = { state: 'filtered', reason: 'no-response' }

/** Outcomes that need only the code. Linux derives the first ones from ICMP (icmp_err_convert). */
const outcomes: Record<string, Outcome> = {
  ECONNREFUSED: refused,
  ENOPROTOOPT: prohibited, // protocol unreachable
  EHOSTDOWN: hostUnreachable, // host unknown
  ENONET: hostUnreachable, // source host isolated
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
}

/** Maps a failed connect to an outcome; separates local failures from the target's state. */
export async function explainFailure(failure: ConnectFailure): Promise<Outcome> {
  const { endpoint, code, immediate } = failure
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
    if (immediate) return noLocalRoute
    return (
      (await findLocalFailure(endpoint)) ??
      (code === 'ENETUNREACH' ? networkUnreachable : explainHostUnreachable(failure))
    )
  }
  // No source port, or no source address (IPv6 is off); in the latter case UDP fails too.
  if (code === 'EADDRNOTAVAIL') return (await findLocalFailure(endpoint)) ?? portsExhausted
  // From the network: ICMPv6 type 1 code 1, 5 or 6; IPv4 never gives EACCES.
  if (code === 'EACCES') return !immediate && isIPv6(endpoint.address) ? prohibited : localDenied
  return outcomes[code] ?? localFailure
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

// Address resolution fails after 3 s (RFC 4861 section 10); a filter responds to the first or second SYN.
const slowMs = 2_000

/** EHOSTUNREACH: failed address resolution, here or at the last router, or a filter's ICMP message. */
async function explainHostUnreachable({ endpoint, elapsedMs }: ConnectFailure): Promise<Outcome> {
  const known = outcomeOfHop(await findSilentHop(endpoint.address))
  if (known) return known
  // On the link it is a failed resolution, perhaps started earlier, so the elapsed time is no hint; a filter gives EACCES.
  if (isIPv6(endpoint.address) && isOnLink(endpoint.address)) return hostUnreachable
  return elapsedMs >= slowMs ? hostUnreachable : prohibited
}
