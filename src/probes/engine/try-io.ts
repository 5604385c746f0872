import type { Socket } from 'node:net'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { Credential } from '../ldap/credentials.ts'
import type { Dialler, Extension } from '../network/dial.ts'
import type { TryDeadline } from './deadline.ts'
import { type Connection, type Endpoint, isConnection, type Outcome, type ProbeIo, type Reached } from './probe.ts'

/** After a refusal a credential is not sent again, which could lock the account. */
export interface AccountUse {
  refused: boolean
}

/** Whether one check resolved its credential. */
export interface CredentialUse {
  given: boolean
  account: AccountUse
}

interface Sources {
  dialler: Dialler
  credential: ProbeIo['credential']
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

/** What one try of a probe uses; a class, because every try has one, and closures cost memory. */
export class TryIo implements ProbeIo {
  readonly deadline: TryDeadline
  readonly #sources: Sources
  readonly #use: CredentialUse
  readonly #sockets: Socket[] = []
  readonly #credentialMs: number
  #extension: Extension | undefined
  #ended = false

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

  /** Whether no connection was established. */
  get isUnused(): boolean {
    return this.#sockets.length === 0
  }

  reach(endpoint: Endpoint): Promise<Reached> {
    return this.#sources.dialler.reach(endpoint, this.deadline, this.#takeExtension())
  }

  async connect(endpoint: Endpoint): Promise<Connection | Outcome> {
    this.deadline.extend()
    const result = await this.#sources.dialler.dial(endpoint, this.deadline, this.#takeExtension())
    if (!isConnection(result)) return this.#sockets.length > 0 ? this.#explainFurther(result) : result
    if (this.#ended) {
      result.socket.destroy()
      return { state: 'unknown', reason: 'local-failure' }
    }
    this.#sockets.push(result.socket)
    return result
  }

  async credential(ref: string, endpoint: Endpoint): Promise<Credential | ReasonCode> {
    if (this.#use.account.refused) return 'credential-withheld'
    const credential = await this.#sources.credential(ref, endpoint)
    if (typeof credential === 'string') return credential
    this.#use.given = true
    this.deadline.extend(this.#credentialMs)
    return credential
  }

  /** A further connection of a try failed: the port is open all the same. */
  #explainFurther(outcome: Outcome): Outcome {
    if (outcome.state === 'open' || outcome.state === 'unknown') return outcome
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
    for (const socket of this.#sockets) socket.destroy()
  }
}
