import type { FactsByProtocol, ProtocolName } from '../protocols/index.ts'
import type { ReasonCode } from './reasons.ts'
import type { State } from './state.ts'

/** What a probe saw at one address. */
export interface AddressResult<P extends ProtocolName = ProtocolName> {
  /** The literal address that was dialled; null when none could be (no such name, invalid host). */
  address: string | null
  state: State
  reason: ReasonCode
  /** The literal address that sent the deciding ICMP message; absent if none came or the connector does not know it. */
  rejectedBy?: string
  facts: FactsByProtocol[P]
  /** Milliseconds from the start of the deciding try to its response; null when nothing was dialled. */
  latencyMs: number | null
  /**
   * Of a silent port: whether the same address responded to this vantage on another port that the policy names. Absent where
   * that is not known, and in all other results.
   */
  hostAnswered?: boolean
  /** Of an open port: the milliseconds of the last wait that ended without what the probe waited for; absent without one. */
  waitedMs?: number
  /** Connections tried, confirmations of silence included. */
  attempts: number
  /** Volatile values; never part of the evidence. */
  measurements?: {
    clockSkewMs?: number
    /** The earliest expiry of the sent certificates; RFC 3339. */
    chainExpiresAt?: string
    /** When the last chain that verifies, by name, dates and trust, ends; RFC 3339. Absent where none does. */
    trustedUntil?: string
  }
  /** The same connection as a `tls` check sees it; for `shareHandshakes`, which takes it out. */
  tls?: Pick<AddressResult<'tls'>, 'state' | 'reason' | 'facts' | 'measurements'>
}

/** One result for each address of the host. */
export interface Observation<P extends ProtocolName = ProtocolName> {
  probe: P
  host: string
  /** Of a set: the first of `ports`. */
  port: number
  /** The set, as the fewest ranges. */
  ports?: readonly string[]
  /** The end of the probe, by the vantage clock; RFC 3339. */
  observedAt: string
  addressResults: [AddressResult<P>, ...AddressResult<P>[]]
}
