import type { Socket } from 'node:net'
import type { Deadline } from '../engine/deadline.ts'
import type { DescriptorWatch } from '../engine/descriptor-pressure.ts'
import type { Connection, Endpoint, Outcome, Reached, Reply } from '../engine/probe.ts'
import { explainFailure, silence } from './connect-failure.ts'
import type { CancelSignal, Connector, ConnectResult } from './connector/connector.ts'
import { sendDatagram } from './connector/datagram.ts'
import type { EgressPolicy } from './egress-policy.ts'
import { parseLiteral } from './ip-literal.ts'
import type { RoundTrips } from './round-trips.ts'

/** Lets a silent attempt go on beyond its deadline. */
export interface Extension {
  /** Milliseconds from the start of the attempt. */
  ms: number
  /** At the deadline of a silent attempt: receives its later outcome; returns the signal that ends it, undefined for now. */
  begin(ended: Promise<Outcome>): AbortSignal | undefined
}

/** Connects to literal addresses. Never rejects. */
export interface Dialler {
  /** Opens one connection, whose socket the caller destroys. */
  dial(endpoint: Endpoint, deadline: Deadline, extension?: Extension): Promise<Connection | Outcome>
  /** Sends one datagram and waits for a reply until the deadline, or until the signal comes. */
  exchange(endpoint: Endpoint, deadline: Deadline, request: DatagramRequest): Promise<Reply | Outcome>
  /** Connects and closes with FIN. */
  reach(endpoint: Endpoint, deadline: Deadline, extension?: Extension): Promise<Reached>
}

export interface DatagramRequest {
  datagram: Uint8Array
  accepts(reply: Buffer): boolean
  signal: AbortSignal
}

interface DiallerParts {
  connector: Connector
  egress: EgressPolicy
  descriptors: DescriptorWatch
  /** Receives the times from a SYN to the response that ended its attempt. */
  roundTrips?: Pick<RoundTrips, 'add'>
}

const denied: Outcome = { state: 'unknown', reason: 'egress-denied' }
const connected: Outcome = { state: 'open', reason: 'tcp-connected' }
const reset: Outcome = { state: 'open', reason: 'connection-reset' }
/** No datagram arrived before the deadline: in the words of nmap open|filtered. */
const datagramSilence: Outcome = { state: 'unknown', reason: 'udp-no-response' }
const portUnreachable: Outcome = { state: 'closed', reason: 'icmp-port-unreachable' }
const localFailure: Outcome = { state: 'unknown', reason: 'local-failure' }

/** The only code that connects: within the egress policy, to the exact address, paused. */
export function createDialler({ connector, egress, descriptors, roundTrips }: DiallerParts): Dialler {
  const noteShortage = (outcome: Outcome): Outcome => {
    if (outcome.reason === 'descriptors-exhausted') descriptors.ranOut()
    return outcome
  }
  const explain = (endpoint: Endpoint, result: ConnectResult): Outcome | Promise<Outcome> => {
    const { outcome: code, immediate, icmp, elapsedMs } = result
    const isConnected = code === 'connected'
    if (isConnected || (code === 'ECONNREFUSED' && !icmp)) roundTrips?.add(endpoint.address, elapsedMs)
    if (isConnected) return connected
    if (code === 'silent') return silence
    if (code === 'canceled') return localFailure
    const failure = explainFailure(endpoint, { code, immediate, icmp })
    return 'then' in failure ? failure.then(noteShortage) : noteShortage(failure)
  }
  const explainLate = (endpoint: Endpoint, result: ConnectResult): Outcome | Promise<Outcome> => {
    result.socket?.destroy()
    return explain(endpoint, result)
  }
  const connectExtended = (endpoint: Endpoint, deadline: Deadline, keep: boolean, extension: Extension) => {
    const { address, port } = endpoint
    const { promise, resolve } = Promise.withResolvers<ConnectResult>()
    const canceling = new Cancellation()
    const timeoutMs = deadline.remainingMs()
    const running = connector.connect({ address, port, timeoutMs: extension.ms, keep }, canceling)
    let expired = false
    const stopWaiting = deadline.onExpiry(() => {
      expired = true
      const signal = extension.begin(running.then((result) => explainLate(endpoint, result)))
      if (!signal || signal.aborted) canceling.cancel()
      else signal.addEventListener('abort', () => canceling.cancel(), { once: true })
      resolve({ outcome: 'silent', immediate: false, elapsedMs: timeoutMs })
    })
    void running.then((result) => {
      if (expired) return
      stopWaiting()
      resolve(result)
    })
    return promise
  }
  const connect = (endpoint: Endpoint, deadline: Deadline, keep: boolean, extension?: Extension) => {
    const { address, port } = endpoint
    const timeoutMs = deadline.remainingMs()
    if (extension && extension.ms > timeoutMs) return connectExtended(endpoint, deadline, keep, extension)
    return connector.connect({ address, port, timeoutMs, keep })
  }
  return {
    async dial(endpoint, deadline, extension) {
      const { address, port } = endpoint
      if (!egress.permits(address, port)) return denied
      const result = await connect(endpoint, deadline, true, extension)
      const outcome = explain(endpoint, result)
      return result.socket ? acceptOnlyPeer(result.socket, address, result.elapsedMs) : outcome
    },
    async exchange(endpoint, deadline, { datagram, accepts, signal }) {
      const { address, port } = endpoint
      if (!egress.permits(address, port)) return denied
      const ending = new AbortController()
      const stopWaiting = deadline.onExpiry(() => ending.abort())
      const either = AbortSignal.any([ending.signal, signal])
      const { knowsIcmp } = connector
      const result = await sendDatagram({ address, port, datagram, accepts, signal: either, knowsIcmp })
      stopWaiting()
      const { outcome: code, immediate, icmp, reply, elapsedMs } = result
      if (reply) return { reply, latencyMs: elapsedMs }
      if (code === 'canceled') return signal.aborted ? localFailure : datagramSilence
      // Without its message: on a connected socket only ICMP "port unreachable" gives this error (udp(7)).
      if (code === 'ECONNREFUSED' && !icmp) return portUnreachable
      return noteShortage(await explainFailure(endpoint, { code, immediate, icmp }))
    },
    reach(endpoint, deadline, extension) {
      if (!egress.permits(endpoint.address, endpoint.port)) return Promise.resolve(reachedBy(denied, 0))
      return connect(endpoint, deadline, false, extension).then((result) => {
        const outcome = explain(endpoint, result)
        const { elapsedMs } = result
        return 'then' in outcome ? outcome.then((one) => reachedBy(one, elapsedMs)) : reachedBy(outcome, elapsedMs)
      })
    },
  }
}

/** A signal for one listener; that of an AbortController would take a kilobyte for nearly every host. */
class Cancellation implements CancelSignal {
  aborted = false
  #listener: (() => void) | undefined

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listener = listener
  }

  removeEventListener(): void {
    this.#listener = undefined
  }

  cancel(): void {
    this.aborted = true
    this.#listener?.()
  }
}

const reachedBy = (outcome: Outcome, latencyMs: number): Reached => ({ ...outcome, facts: {}, latencyMs })

function acceptOnlyPeer(socket: Socket, address: string, connectMs: number): Connection | Outcome {
  const { remoteAddress } = socket
  if (remoteAddress === address) return { socket, connectMs }
  if (remoteAddress !== undefined && isSameAddress(remoteAddress, address)) return { socket, connectMs }
  socket.destroy()
  return remoteAddress === undefined ? reset : localFailure // undefined: reset since it connected
}

const isSameAddress = (one: string, other: string): boolean =>
  parseLiteral(one)?.toString() === parseLiteral(other)?.toString()
