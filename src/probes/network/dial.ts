import type { Socket } from 'node:net'
import type { Deadline } from '../engine/deadline.ts'
import type { DescriptorWatch } from '../engine/descriptor-pressure.ts'
import type { Connection, Endpoint, Outcome, Reached } from '../engine/probe.ts'
import { explainFailure, silence } from './connect-failure.ts'
import type { Connector, ConnectResult } from './connector/connector.ts'
import type { EgressPolicy } from './egress-policy.ts'
import { parseLiteral } from './ip-literal.ts'

/** Lets a silent attempt go on beyond its deadline. */
export interface Extension {
  /** Milliseconds from the start of the attempt. */
  ms: number
  /** Called at the deadline of a silent attempt with its later outcome; returns the signal that ends it, or undefined to end it now. */
  begin(ended: Promise<Outcome>): AbortSignal | undefined
}

/** Connects to literal addresses. Never rejects. */
export interface Dialler {
  /** Opens one connection, whose socket the caller destroys. */
  dial(endpoint: Endpoint, deadline: Deadline, extension?: Extension): Promise<Connection | Outcome>
  /** Connects and closes with FIN. */
  reach(endpoint: Endpoint, deadline: Deadline, extension?: Extension): Promise<Reached>
}

interface DiallerParts {
  connector: Connector
  egress: EgressPolicy
  descriptors: DescriptorWatch
}

const denied: Outcome = { state: 'unknown', reason: 'egress-denied' }
const reset: Outcome = { state: 'open', reason: 'connection-reset' }
const late: Outcome = { state: 'open', reason: 'tcp-connected' }
const localFailure: Outcome = { state: 'unknown', reason: 'local-failure' }

/** The only code that connects: within the egress policy, to the exact address, paused. */
export function createDialler({ connector, egress, descriptors }: DiallerParts): Dialler {
  const explain = async (endpoint: Endpoint, result: ConnectResult): Promise<Outcome> => {
    if (result.outcome === 'silent') return silence
    if (result.outcome === 'canceled') return localFailure
    const outcome = await explainFailure({ endpoint, code: result.outcome, ...result })
    if (outcome.reason === 'descriptors-exhausted') descriptors.ranOut()
    return outcome
  }
  const explainLate = (endpoint: Endpoint, result: ConnectResult): Outcome | Promise<Outcome> => {
    result.socket?.destroy()
    return result.outcome === 'connected' ? late : explain(endpoint, result)
  }
  const connectExtended = (endpoint: Endpoint, deadline: Deadline, keep: boolean, extension: Extension) => {
    const { address, port } = endpoint
    const { promise, resolve } = Promise.withResolvers<ConnectResult>()
    const abort = new AbortController()
    const timeoutMs = deadline.remainingMs()
    const running = connector.connect({ address, port, timeoutMs: extension.ms, keep }, abort.signal)
    let expired = false
    const stopWaiting = deadline.onExpiry(() => {
      expired = true
      const signal = extension.begin(running.then((result) => explainLate(endpoint, result)))
      if (!signal || signal.aborted) abort.abort()
      else signal.addEventListener('abort', () => abort.abort(), { once: true })
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
      const { socket, elapsedMs } = result
      return socket ? acceptOnlyPeer(socket, address, elapsedMs) : explain(endpoint, result)
    },
    async reach(endpoint, deadline, extension) {
      const { address, port } = endpoint
      if (!egress.permits(address, port)) return { ...denied, latencyMs: 0 }
      const result = await connect(endpoint, deadline, false, extension)
      const latencyMs = result.elapsedMs
      if (result.outcome === 'connected') return { state: 'open', reason: 'tcp-connected', latencyMs }
      return { ...(await explain(endpoint, result)), latencyMs }
    },
  }
}

function acceptOnlyPeer(socket: Socket, address: string, connectMs: number): Connection | Outcome {
  const { remoteAddress } = socket
  if (remoteAddress === address) return { socket, connectMs }
  if (remoteAddress !== undefined && isSameAddress(remoteAddress, address)) return { socket, connectMs }
  socket.destroy()
  return remoteAddress === undefined ? reset : localFailure // undefined: reset since it connected
}

const isSameAddress = (one: string, other: string): boolean =>
  parseLiteral(one)?.toString() === parseLiteral(other)?.toString()
