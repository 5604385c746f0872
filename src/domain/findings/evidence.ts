import type { FactsByProtocol, ProtocolName } from '../protocols/index.ts'
import type { AddressResult, Observation } from './observation.ts'
import type { ReasonCode } from './reasons.ts'
import type { State } from './state.ts'

/** The stable part of an observation: equal evidence means that nothing changed. Stored once per distinct content. */
export interface Evidence<P extends ProtocolName = ProtocolName> {
  probe: P
  host: string
  port: number
  /** By literal address; the empty name stands for a host that has none. */
  addresses: Record<string, { state: State; reason: ReasonCode; facts: FactsByProtocol[P] }>
  /** Of a paired rule: what each vantage of the other side saw, by its name. */
  unlike?: Record<string, Evidence<P>['addresses']>
}

/** Leaves out what changes by itself: times, latencies, attempts, measurements. */
export function evidenceOf<P extends ProtocolName>({ probe, host, port, addressResults }: Observation<P>): Evidence<P> {
  const addresses = Object.fromEntries(
    addressResults.map(({ address, state, reason, facts }) => [address ?? '', { state, reason, facts }]),
  )
  return { probe, host, port, addresses }
}

/** The observation that evidence was taken from, as far as a judgement needs it, as if it were made at `observedAt`. */
export function observationOf({ probe, host, port, addresses }: Evidence, observedAt: Date): Observation | undefined {
  const addressResults = Object.entries(addresses).map(
    ([address, seen]): AddressResult => ({ ...seen, address: address || null, latencyMs: null, attempts: 0 }),
  )
  const [first, ...rest] = addressResults
  return first && { probe, host, port, observedAt: observedAt.toISOString(), addressResults: [first, ...rest] }
}
