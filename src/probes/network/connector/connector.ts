import type { Socket } from 'node:net'

/** One attempt to connect to a literal address. The caller has checked the egress policy. */
export interface ConnectAttempt {
  address: string
  port: number
  /** From the call of connect(); the wait for a free slot of the connector is not part of it. */
  timeoutMs: number
  /** Hops that the SYN may travel (IP_TTL, IPV6_UNICAST_HOPS); default: that of the system. */
  ttl?: number
  /** Whether the caller wants the socket; otherwise the connection is closed with FIN. */
  keep: boolean
}

/** An ICMP message about the attempt, from the error queue of the socket (ip(7), IP_RECVERR). */
export interface IcmpMessage {
  /** `local`: the kernel made the error itself, such as a failed address resolution. */
  origin: 'local' | 'icmp' | 'icmp6'
  /** Type and code of ICMP (RFC 792) or ICMPv6 (RFC 4443). */
  type: number
  code: number
  /** The address of the sender; absent for `local`. */
  sender?: string
}

/** How an attempt ended. */
export interface ConnectResult {
  /**
   * `connected`, `silent` (nothing came before the deadline), `canceled` (by the signal, or the end of the connector), or
   * the error code of the system, such as ECONNREFUSED.
   */
  outcome: string
  /** connect() itself failed, so the network cannot be the cause. */
  immediate: boolean
  /** Milliseconds from connect() to its outcome, measured beside the call or by the kernel. */
  elapsedMs: number
  /** Absent where the connector does not know it, or none came. */
  icmp?: IcmpMessage
  /** Paused; of a connected attempt with `keep`. */
  socket?: Socket
}

/** What a connector uses of an AbortSignal. */
export interface CancelSignal {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** The message of the RangeError for a host name: resolving it here would evade the egress policy. */
export const notLiteral = 'a connector dials literal addresses only'

/** Opens TCP connections. Rejects with RangeError for a name, and never for what the network does. */
export interface Connector {
  /** Whether it knows the ICMP messages behind a failure, and sets `ttl`. */
  readonly knowsIcmp: boolean
  connect(attempt: ConnectAttempt, signal?: CancelSignal): Promise<ConnectResult>
  /** Ends running attempts, and frees descriptors and threads. */
  close(): Promise<void>
}
