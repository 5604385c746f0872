import type { Socket } from 'node:net'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { Credential } from '../ldap/credentials.ts'
import type { Dialler, Extension } from '../network/dial.ts'
import type { Deadline } from './deadline.ts'
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
  deadline: Deadline
  use: CredentialUse
  sockets: Socket[]
  /** Of its first connection. */
  extension?: Extension | undefined
}

/** What one try of a probe uses; a class, because every try has one, and closures cost memory. */
export class TryIo implements ProbeIo {
  readonly deadline: Deadline
  readonly #sources: Sources
  readonly #use: CredentialUse
  readonly #sockets: Socket[]
  #extension: Extension | undefined
  #ended = false

  /** The connections of the try are added to `sockets`. */
  constructor(sources: Sources, { deadline, use, sockets, extension }: TryParts) {
    this.#sources = sources
    this.deadline = deadline
    this.#use = use
    this.#sockets = sockets
    this.#extension = extension
  }

  get requester(): string {
    return this.#sources.requester
  }

  get credentialCa(): string | undefined {
    return this.#sources.credentialCa
  }

  reach(endpoint: Endpoint): Promise<Reached> {
    return this.#sources.dialler.reach(endpoint, this.deadline, this.#takeExtension())
  }

  async connect(endpoint: Endpoint): Promise<Connection | Outcome> {
    const result = await this.#sources.dialler.dial(endpoint, this.deadline, this.#takeExtension())
    if (!isConnection(result)) return result
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
    if (typeof credential !== 'string') this.#use.given = true
    return credential
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
