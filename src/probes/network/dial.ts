import type { Socket } from 'node:net'
import type { Deadline } from '../engine/deadline.ts'
import type { DescriptorWatch } from '../engine/descriptor-pressure.ts'
import type { Connection, Endpoint, Outcome, Reached } from '../engine/probe.ts'
import { explainFailure, silence } from './connect-failure.ts'
import type { Connector, ConnectResult } from './connector/connector.ts'
import type { EgressPolicy } from './egress-policy.ts'
import { parseLiteral } from './ip-literal.ts'

/** Connects to literal addresses. Never rejects. */
export interface Dialler {
  /** Opens one connection, whose socket the caller destroys. */
  dial(endpoint: Endpoint, deadline: Deadline): Promise<Connection | Outcome>
  /** Connects and closes with FIN; the outcome of an aborted attempt has no meaning. */
  reach(endpoint: Endpoint, deadline: Deadline, signal?: AbortSignal): Promise<Reached>
}

interface DiallerParts {
  connector: Connector
  egress: EgressPolicy
  descriptors: DescriptorWatch
}

const denied: Outcome = { state: 'unknown', reason: 'egress-denied' }
const reset: Outcome = { state: 'open', reason: 'connection-reset' }
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
  return {
    async dial(endpoint, deadline) {
      const { address, port } = endpoint
      if (!egress.permits(address, port)) return denied
      const result = await connector.connect({ address, port, timeoutMs: deadline.remainingMs(), keep: true })
      const { socket, elapsedMs } = result
      return socket ? acceptOnlyPeer(socket, address, elapsedMs) : explain(endpoint, result)
    },
    async reach(endpoint, deadline, signal) {
      const { address, port } = endpoint
      if (!egress.permits(address, port)) return { ...denied, latencyMs: 0 }
      const result = await connector.connect({ address, port, timeoutMs: deadline.remainingMs(), keep: false }, signal)
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
