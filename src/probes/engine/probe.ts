import type { Socket } from 'node:net'
import type { AddressResult } from '../../domain/findings/observation.ts'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { FactsByProtocol, OptionsByProtocol, ProtocolName } from '../../domain/protocols/index.ts'
import type { BindWithheld } from '../../domain/protocols/ldap.ts'
import type { Credential } from '../ldap/credentials.ts'
import type { Deadline } from './deadline.ts'

/** A literal address to dial, and the host name of the check (SNI, certificate names, LDAP). */
export interface Endpoint {
  host: string
  address: string
  port: number
}

/** An established connection, paused: no byte is read before the probe reads. */
export interface Connection {
  socket: Socket
  /** Milliseconds that the connect took. */
  connectMs: number
}

/** State and reason of an address to which there is no connection. */
export type Outcome = Pick<AddressResult, 'state' | 'reason' | 'rejectedBy'>

/** Whether an address accepts connections; milliseconds from connect() to its outcome. */
export type Reached = ProbeResult<'tcp'> & { latencyMs: number }

/** The reply to a datagram. */
export interface Reply {
  reply: Buffer
  /** From sending, in milliseconds. */
  latencyMs: number
}

/** Why a credential must not be sent. */
export interface Refused {
  refused: ReasonCode
  withheld?: BindWithheld
}

/** What a probe may use of the world. */
export interface ProbeIo {
  /** Opens one TCP connection, or returns why there is none. Never throws. The caller destroys the socket. */
  connect(endpoint: Endpoint): Promise<Connection | Outcome>
  /** Connects and closes with FIN. Never throws. */
  reach(endpoint: Endpoint): Promise<Reached>
  /**
   * Sends one datagram and resolves to the first reply that `accepts` takes, or to why there is none; silence is `unknown`. Never
   * throws.
   */
  exchange(endpoint: Endpoint, datagram: Uint8Array, accepts: (reply: Buffer) => boolean): Promise<Reply | Outcome>
  /** One deadline over the whole probe. */
  deadline: Deadline
  /**
   * Resolves a credential reference for one bind at this destination, whose directory has this naming context, or returns why it
   * must not be sent. Resolves before the deadline.
   */
  credential(ref: string, endpoint: Endpoint, namingContext?: string): Promise<Credential | Refused>
  /** PEM: authorities for destinations of credentials, besides the system's. Undefined: those of the check. */
  credentialCa?: string | undefined
  /** Identifies this service, in protocols that have a field for it. */
  requester: string
}

/** What one try of a probe saw. */
export interface ProbeResult<P extends ProtocolName> extends Outcome {
  facts: FactsByProtocol[P]
  measurements?: AddressResult['measurements']
  tls?: AddressResult['tls']
  /** Milliseconds, from a probe that measures them better than its caller. */
  latencyMs?: number
}

/** Probes one endpoint. Never throws for what the network does: that is data. */
export type Probe<P extends ProtocolName> = (
  endpoint: Endpoint,
  options: OptionsByProtocol[P],
  io: ProbeIo,
) => Promise<ProbeResult<P>>

export const isReply = (result: Reply | Outcome): result is Reply => 'reply' in result

export const isConnection = (result: Connection | Outcome): result is Connection => 'socket' in result
