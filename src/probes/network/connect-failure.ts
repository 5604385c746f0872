import { isIPv6 } from 'node:net'
import type { Endpoint, Outcome } from '../engine/probe.ts'
import { findRouteError, findSilentHop, isOnLink } from './routing.ts'

/** How a connect() ended that brought no connection. */
interface ConnectFailure {
  endpoint: Endpoint
  /** The error code of the operating system. */
  code: string
  /** connect() itself refused, so nothing can have come from the network. */
  immediate: boolean
  elapsedMs: number
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

/** Nothing came before the deadline. */
export const silence: Outcome = { state: 'filtered', reason: 'no-response' }

/** What a code means wherever it comes from. Linux makes the first ones of ICMP messages (icmp_err_convert). */
const outcomes: Record<string, Outcome> = {
  ECONNREFUSED: refused,
  ENOPROTOOPT: prohibited, // protocol unreachable
  EHOSTDOWN: hostUnreachable, // host unknown
  ENONET: hostUnreachable, // source host isolated
  ETIMEDOUT: silence,
  // The kernel says so only once the handshake is over; a reset before that is ECONNREFUSED.
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

/** Says in the words of a sighting why there is no connection; our own trouble is told apart from the target's state. */
export async function explainFailure(failure: ConnectFailure): Promise<Outcome> {
  const { endpoint, code, immediate } = failure
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
    if (immediate) return noLocalRoute
    return (
      (await findLocalFailure(endpoint)) ??
      (code === 'ENETUNREACH' ? networkUnreachable : explainHostUnreachable(failure))
    )
  }
  // Out of source ports, or without any source address (IPv6 is off): then UDP cannot connect either.
  if (code === 'EADDRNOTAVAIL') return (await findLocalFailure(endpoint)) ?? portsExhausted
  // From the network it is ICMPv6 "administratively prohibited" and its kind; IPv4 has no such message.
  if (code === 'EACCES') return !immediate && isIPv6(endpoint.address) ? prohibited : localDenied
  return outcomes[code] ?? localFailure
}

/**
 * Why nothing at all came, as far as this machine can know after its last try: undefined when it knows no better than silence.
 * A deadline below ARP's three seconds would otherwise show an absent host as a filter.
 */
export async function explainSilence(endpoint: Endpoint): Promise<Outcome | undefined> {
  const failure = await findLocalFailure(endpoint)
  if (failure) return failure
  return outcomeOfHop(await findSilentHop(endpoint.address))
}

/** Our own routing, asked of the kernel. Where it cannot be asked, that is our own trouble as well. */
async function findLocalFailure({ address, port }: Endpoint): Promise<Outcome | undefined> {
  const code = await findRouteError(address, port)
  if (code === undefined) return undefined
  if (code === 'EACCES') return localDenied
  const outcome = outcomes[code]
  return outcome?.state === 'unknown' ? outcome : noLocalRoute
}

const outcomeOfHop = (hop: Awaited<ReturnType<typeof findSilentHop>>): Outcome | undefined =>
  hop === 'host' ? hostUnreachable : hop === 'gateway' ? noLocalRoute : undefined

// Address resolution gives up after three seconds (ARP, RFC 4861 section 10); a filter answers in a round trip, or after the
// first repetition of the SYN, a second later.
const slowMs = 2_000

/** A failed address resolution, here or at the last router, or a filter's ICMP message: all are EHOSTUNREACH. */
async function explainHostUnreachable({ endpoint, elapsedMs }: ConnectFailure): Promise<Outcome> {
  const known = outcomeOfHop(await findSilentHop(endpoint.address))
  if (known) return known
  // Linux shows no table of IPv6 neighbours to read. On the link the error means a failed resolution, often one that an
  // earlier connection began, so that time says nothing; a filter there says EACCES.
  if (isIPv6(endpoint.address) && isOnLink(endpoint.address)) return hostUnreachable
  return elapsedMs >= slowMs ? hostUnreachable : prohibited
}
