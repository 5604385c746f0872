import type { Result } from '../../src/domain/findings/judge.ts'
import type { ReasonCode } from '../../src/domain/findings/reasons.ts'
import type { ProtocolName } from '../../src/domain/protocols/index.ts'
import type { Observe } from '../../src/probes/engine/run-check.ts'
import type { PeerKind } from '../support/peers/available.ts'
import type { output } from './oracles/response.ts'
import type { PeerName } from './peers/index.ts'

/** The claim of a row: a rule of the built-in policy, or one of its own. */
export type Claim =
  | { builtIn: string; params?: Record<string, unknown>; windowOpen?: true }
  | { probe: ProtocolName; expect: Record<string, unknown> }

/** Where a peer listens, and what rule and oracle need to know of it. */
export interface Listener {
  /** What the rule probes. */
  host: string
  /** Of the listener; all names resolve to it. */
  address: string
  port: number
  /** The authority that rule and oracle trust, as PEM and as a file. */
  ca?: string
  caPath?: string
  /** The account of a bind. */
  account?: { user: string; password: string; ref: string }
  /** Values of placeholders in the claim. */
  params?: Readonly<Record<string, string>>
  /** Runs a command, and observes, in the network of the peer; default: here. */
  run?: typeof output
  observe?: Observe
}

export interface OracleResponse {
  /** What the oracle printed, in a line. */
  text: string
  /** What follows from it for the claim. */
  verdict: Result
}

/** A program that knows nothing of Portwarden and judges the same question. */
export interface Oracle {
  name: string
  needs: readonly PeerKind[]
  ask: (listener: Listener) => Promise<OracleResponse>
}

export interface Row {
  /** What the row establishes. */
  case: string
  peer: PeerName
  /** One listener or one configuration of the peer. */
  site: string
  /** What the rule probes; default: the name of the peer. */
  host?: string
  claim: Claim
  oracle: Oracle
  verdict: Result
  /** Why it is not a pass. */
  reason?: ReasonCode
}
