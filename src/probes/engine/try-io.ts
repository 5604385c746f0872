import type { Socket } from 'node:net'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import { type BindDecision, type BindResult, maxBindLeaseMs, maxBindWaitMs } from '../../domain/vantages/binds.ts'
import { identify } from '../ldap/account.ts'
import type { Credential } from '../ldap/credentials.ts'
import type { Dialler, Extension } from '../network/dial.ts'
import type { Binds } from './binds.ts'
import type { TryDeadline } from './deadline.ts'
import {
  type Connection,
  type Endpoint,
  isConnection,
  isReply,
  type Outcome,
  type ProbeIo,
  type Reached,
  type Refused,
  type Reply,
} from './probe.ts'

/** Whether a check was given its credential for a bind, and who permits it. */
export interface CredentialUse {
  given: boolean
  binds: Binds | undefined
}

/** The times of a claim, in milliseconds: the bind itself, the wait for another one, and the wait for the service. */
export function claimTimes(credentialMs: number) {
  const leaseMs = Math.min(credentialMs + responseMs, maxBindLeaseMs)
  const waitMs = Math.min(leaseMs + responseMs, maxBindWaitMs)
  return { leaseMs, waitMs, limitMs: waitMs + responseMs }
}

/** How long a response of the service may take. */
const responseMs = 5_000

/** How long reading a credential may take, in milliseconds: it is local, so the time of the peer does not count. */
export const readMs = 10_000

export interface Sources {
  dialler: Dialler
  /** Reads a credential reference that may be sent to this destination. */
  credential: (ref: string, endpoint: Endpoint) => Promise<Credential | ReasonCode>
  credentialCa?: ProbeIo['credentialCa']
  requester: string
}

interface TryParts {
  deadline: TryDeadline
  /** Milliseconds to wait for the response to a credential, which no further try repeats. */
  credentialMs: number
  use: CredentialUse
  /** Of its first connection. */
  extension?: Extension | undefined
}

interface ClaimContext {
  endpoint: Endpoint
  namingContext: string | undefined
  times: { leaseMs: number; waitMs: number }
}

/** What a promise resolves to in time, else `otherwise`. */
function within<T, Other>(ms: number, promise: Promise<T>, otherwise: Other): Promise<T | Other> {
  const { promise: late, resolve } = Promise.withResolvers<Other>()
  const timer = setTimeout(() => resolve(otherwise), ms)
  return Promise.race([promise.catch(() => otherwise), late]).finally(() => clearTimeout(timer))
}

/** What one try of a probe uses; a class, because every try has one, and closures cost memory. */
export class TryIo implements ProbeIo {
  readonly deadline: TryDeadline
  readonly #sources: Sources
  readonly #use: CredentialUse
  readonly #sockets: Socket[] = []
  readonly #credentialMs: number
  #extension: Extension | undefined
  #bind: string | undefined
  #ended = false
  #replied = false
  #ending: AbortController | undefined

  constructor(sources: Sources, { deadline, use, extension, credentialMs }: TryParts) {
    this.#sources = sources
    this.deadline = deadline
    this.#use = use
    this.#extension = extension
    this.#credentialMs = credentialMs
  }

  get requester(): string {
    return this.#sources.requester
  }

  get credentialCa(): string | undefined {
    return this.#sources.credentialCa
  }

  /** Whether no connection was established, and no datagram came. */
  get isUnused(): boolean {
    return this.#sockets.length === 0 && !this.#replied
  }

  reach(endpoint: Endpoint): Promise<Reached> {
    return this.#sources.dialler.reach(endpoint, this.deadline, this.#takeExtension())
  }

  async connect(endpoint: Endpoint): Promise<Connection | Outcome> {
    this.deadline.extend()
    const result = await this.#sources.dialler.dial(endpoint, this.deadline, this.#takeExtension())
    if (this.#ended) {
      if (isConnection(result)) result.socket.destroy()
      return { state: 'unknown', reason: 'local-failure' }
    }
    if (!isConnection(result)) return this.#sockets.length > 0 ? this.#explainFurther(result) : result
    this.#sockets.push(result.socket)
    return result
  }

  async exchange(
    endpoint: Endpoint,
    datagram: Uint8Array,
    accepts: (reply: Buffer) => boolean,
  ): Promise<Reply | Outcome> {
    if (this.#ended) return { state: 'unknown', reason: 'local-failure' }
    this.deadline.extend()
    this.#ending ??= new AbortController()
    const request = { datagram, accepts, signal: this.#ending.signal }
    const result = await this.#sources.dialler.exchange(endpoint, this.deadline, request)
    if (isReply(result)) this.#replied = true
    else if (this.#replied) return this.#explainFurther(result)
    return result
  }

  async credential(ref: string, endpoint: Endpoint, namingContext?: string): Promise<Credential | Refused> {
    const reading = this.#sources.credential(ref, endpoint)
    const credential = await within(readMs, reading, 'credential-unavailable' as const)
    if (typeof credential === 'string') return { refused: credential }
    const { limitMs, ...times } = claimTimes(this.#credentialMs)
    const claiming = this.#claim(credential, { endpoint, namingContext, times })
    const decision = await within(limitMs, claiming, undefined)
    this.deadline.extend(this.#credentialMs) // nothing of the probe waits meanwhile
    if (!decision) {
      claiming.then(this.#giveBack).catch(() => {}) // its lease ends by itself
      return { refused: 'credential-unsettled' }
    }
    if (!decision.permitted) return { refused: decision.reason, withheld: decision.withheld }
    this.#bind = decision.id
    this.#use.given = true
    return credential
  }

  async #claim(
    credential: Credential,
    { endpoint, namingContext, times }: ClaimContext,
  ): Promise<BindDecision | undefined> {
    const { binds } = this.#use
    if (!binds) return undefined
    const identity = await identify(credential, { salt: binds.salt, namingContext })
    return binds.claim({ ...identity, host: endpoint.host, port: endpoint.port, ...times })
  }

  readonly #giveBack = async (decision: BindDecision | undefined) => {
    if (decision?.permitted) await this.#use.binds?.settle(decision.id, { outcome: 'unsent' })
  }

  /** Whether a bind was permitted. */
  get hasBind(): boolean {
    return this.#bind !== undefined
  }

  /** Reports what became of the bind, if one was permitted. */
  async settle(result: BindResult): Promise<void> {
    if (this.#bind !== undefined) await this.#use.binds?.settle(this.#bind, result)
  }

  /** A further connection of a try failed: the port is open all the same. */
  #explainFurther(outcome: Outcome): Outcome {
    const isSilent = outcome.reason === 'udp-no-response'
    if (!isSilent && (outcome.state === 'open' || outcome.state === 'unknown')) return outcome
    if (outcome.reason === 'connection-refused') return { state: 'open', reason: 'connection-reset' }
    this.deadline.expired = true
    return { state: 'open', reason: 'protocol-timeout' }
  }

  #takeExtension(): Extension | undefined {
    const extension = this.#extension
    this.#extension = undefined
    return extension
  }

  /** Destroys the connections of the try; none outlives it, even if it is established late. */
  end(): void {
    this.#ended = true
    this.#ending?.abort()
    for (const socket of this.#sockets) socket.destroy()
  }
}
