import type { FactsByProtocol, ProtocolName } from '../protocols/index.ts'
import type { ReasonCode } from './reasons.ts'
import type { State } from './state.ts'

/** What a probe saw at one address. */
export interface AddressResult<P extends ProtocolName = ProtocolName> {
  /** The literal address that was dialled; null when none could be (no such name, invalid host). */
  address: string | null
  state: State
  reason: ReasonCode
  facts: FactsByProtocol[P]
  /** Milliseconds from the start of the deciding try to its response; null when nothing was dialled. */
  latencyMs: number | null
  /** Connections tried, confirmations of silence included. */
  attempts: number
  /** Volatile values; never part of the evidence. */
  measurements?: {
    clockSkewMs?: number
    /** When the first certificate expires of those that the peer sent; RFC 3339. */
    chainExpiresAt?: string
  }
}

/** What one check saw: a result for each address of the host, at least one. */
export interface Observation<P extends ProtocolName = ProtocolName> {
  probe: P
  host: string
  port: number
  /** When the probe ended, by the clock of the vantage; RFC 3339, UTC. */
  observedAt: string
  addressResults: [AddressResult<P>, ...AddressResult<P>[]]
}
