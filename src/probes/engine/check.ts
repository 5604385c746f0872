import type { Family } from '../../domain/findings/counted-addresses.ts'
import type { OptionsByProtocol, ProtocolName } from '../../domain/protocols/index.ts'
import type { Connector } from '../network/connector/connector.ts'
import type { Dialler } from '../network/dial.ts'
import type { EgressPolicy } from '../network/egress-policy.ts'
import type { Lookup, Resolver } from '../network/resolve.ts'
import type { RoundTrips } from '../network/round-trips.ts'
import type { Binds } from './binds.ts'
import type { HostPresence } from './host-presence.ts'
import type { OverdueWatch } from './overdue.ts'
import type { ProbeIo } from './probe.ts'
import type { ProbeRegistry } from './registry.ts'
import type { Budget } from './socket-budget.ts'
import type { Sources } from './try-io.ts'

/** One endpoint to probe. */
export interface Check<P extends ProtocolName = ProtocolName> {
  probe: P
  host: string
  port: number
  options: OptionsByProtocol[P]
  /** IP families whose addresses are probed; default: all. */
  families?: readonly Family[] | undefined
  /** Other ports of the host that the policy names, to which a TCP connection shows whether a silent host is there. */
  companions?: readonly number[] | undefined
  /** One try at the first address of `dial` alone, within this time. */
  once?: { timeoutMs: number; resolved(tookMs: number): void; dial: string }
}

export interface ObserverOptions {
  probes: ProbeRegistry
  egress: EgressPolicy
  /** One for the process. */
  connector: Connector
  /** One for the process. */
  budget: Budget
  lookup: Lookup
  credential: Sources['credential']
  credentialCa?: ProbeIo['credentialCa']
  requester: string
  /** For one try of a probe, once it has its socket, and for one name query. */
  timeoutMs: number
  /** Connections tried before silence is believed. */
  tries: number
  /** The pause before the second try; each further one is longer by the same time. */
  spacingMs: number
  clock: () => Date
  /** Receives errors of the prober itself: a probe that threw, or did not end. */
  log: (error: unknown, check: Check) => void
}

/** What all checks of an observer share. */
export interface World extends ObserverOptions {
  overdue: OverdueWatch
  presenceOf: (address: string) => HostPresence
  dialler: Dialler
  resolve: Resolver
  roundTrips: RoundTrips
  /** Milliseconds for each connection of a patient try. */
  patientMs: number
}

/** What all addresses of a check share. */
export interface Circumstances {
  binds: Binds | undefined
  world: World
}

/** Whether a bind is to be made, which no second try repeats. */
export const usesCredential = (options: OptionsByProtocol[ProtocolName]): boolean =>
  'credentialRef' in options && options.credentialRef !== undefined
