import type { FactsByProbe, Observation, ProbeName, State } from './observation.ts'
import type { ReasonCode } from './reasons.ts'

/** The stable part of an observation: equal evidence means that nothing changed. Stored once per distinct content. */
export interface Evidence<P extends ProbeName = ProbeName> {
  probe: P
  host: string
  port: number
  /** By literal address; the empty name stands for a host that has none. */
  addresses: Record<string, { state: State; reason: ReasonCode; facts: FactsByProbe[P] }>
}

/** Leaves out what changes by itself: times, latencies, attempts, measurements. */
export function evidenceOf<P extends ProbeName>({ probe, host, port, sightings }: Observation<P>): Evidence<P> {
  const addresses = Object.fromEntries(
    sightings.map(({ address, state, reason, facts }) => [address ?? '', { state, reason, facts }]),
  )
  return { probe, host, port, addresses }
}
