import type { ProtocolName } from '../protocols/index.ts'
import type { AddressResult, Observation } from './observation.ts'

type StableResult<P extends ProtocolName> = Pick<
  AddressResult<P>,
  'state' | 'reason' | 'rejectedBy' | 'hostAnswered' | 'waitedMs' | 'facts'
>

/** The stable part of an observation, stored once per content: equal evidence means that nothing changed. */
export interface Evidence<P extends ProtocolName = ProtocolName> {
  probe: P
  host: string
  /** Of a set: the first of `ports`. */
  port: number
  ports?: readonly string[]
  /** By literal address; empty without one. */
  addresses: Record<string, StableResult<P>>
  /** Of a paired rule: the observation of each vantage of the other side, by its name. */
  unlike?: Record<string, Evidence<P>['addresses']>
}

/** Leaves out what varies by itself: times, latencies, attempts, measurements. Names are in the order of canonical JSON. */
export function evidenceOf<P extends ProtocolName>({
  probe,
  host,
  port,
  ports,
  addressResults,
}: Observation<P>): Evidence<P> {
  const addresses: Record<string, StableResult<P>> = {}
  for (const { address, ...result } of addressResults) addresses[address ?? ''] = stableResult(result)
  return ports ? { addresses, host, port, ports, probe } : { addresses, host, port, probe }
}

function stableResult<P extends ProtocolName>({
  facts,
  hostAnswered,
  reason,
  rejectedBy,
  state,
  waitedMs,
}: Omit<AddressResult<P>, 'address'>): StableResult<P> {
  if (waitedMs !== undefined) return { facts, reason, state, waitedMs } // the port is open
  if (hostAnswered === undefined && rejectedBy === undefined) return { facts, reason, state }
  const elsewhere = hostAnswered === undefined ? {} : { hostAnswered }
  const rejected = rejectedBy === undefined ? {} : { rejectedBy }
  return { facts, ...elsewhere, reason, ...rejected, state }
}

/** The observation behind the evidence, as far as a judgement needs it, as if made at `observedAt`. */
export function observationOf(
  { probe, host, port, ports, addresses }: Evidence,
  observedAt: Date,
): Observation | undefined {
  const addressResults = Object.entries(addresses).map(
    ([address, seen]): AddressResult => ({ ...seen, address: address || null, latencyMs: null, attempts: 0 }),
  )
  const [first, ...rest] = addressResults
  return (
    first && {
      probe,
      host,
      port,
      ...(ports && { ports }),
      observedAt: observedAt.toISOString(),
      addressResults: [first, ...rest],
    }
  )
}
