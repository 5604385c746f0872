import { Socket } from 'node:net'
import type { Deadline } from '../engine/deadline.ts'
import type { DescriptorWatch } from '../engine/descriptor-pressure.ts'
import type { Connection, Endpoint, Outcome } from '../engine/probe.ts'
import { explainFailure, silence } from './connect-failure.ts'
import type { EgressPolicy } from './egress-policy.ts'
import { parseLiteral } from './ip-literal.ts'

/** Opens one connection to a literal address. Never rejects; the caller destroys the socket. */
export type Dial = (endpoint: Endpoint, deadline: Deadline) => Promise<Connection | Outcome>

/** The only code that connects: within the egress policy, to the exact address, paused. */
export function createDialler({ egress, descriptors }: { egress: EgressPolicy; descriptors: DescriptorWatch }): Dial {
  return async (endpoint, deadline) => {
    if (!egress.permits(endpoint.address, endpoint.port)) return { state: 'unknown', reason: 'egress-denied' }
    const result = await connect(endpoint, deadline)
    if ('socket' in result) return acceptOnlyPeer(result, endpoint)
    if ('state' in result) return result
    const outcome = await explainFailure({ endpoint, ...result })
    if (outcome.reason === 'descriptors-exhausted') descriptors.ranOut()
    return outcome
  }
}

interface Failure {
  code: string
  immediate: boolean
  elapsedMs: number
}

function connect({ address, port }: Endpoint, deadline: Deadline): Promise<Connection | Outcome | Failure> {
  return new Promise((resolve) => {
    const startedAt = performance.now()
    const elapsedMs = () => performance.now() - startedAt
    let immediate = false
    const socket = new Socket()
    // Never removed, so that an error between two steps of a probe is caught.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      stopWaiting()
      resolve({ code: error.code ?? 'UNKNOWN', immediate, elapsedMs: elapsedMs() })
    })
    socket.once('connect', () => {
      stopWaiting()
      resolve({ socket, connectMs: elapsedMs() })
    })
    const stopWaiting = deadline.onExpiry(() => {
      socket.destroy()
      resolve(silence)
    })
    socket.pause() // before connect(), so that the probe reads the first byte
    socket.connect({ host: address, port, autoSelectFamily: false })
    // Node calls connect() in an earlier nextTick and reports its error in a later one.
    process.nextTick(() => {
      immediate = socket.destroyed
    })
  })
}

function acceptOnlyPeer(connection: Connection, { address, port }: Endpoint): Connection | Outcome {
  const { socket } = connection
  const { remoteAddress } = socket
  if (remoteAddress === address && socket.localPort !== port) return connection
  if (remoteAddress === undefined) {
    socket.destroy() // reset since it connected
    return { state: 'open', reason: 'connection-reset' }
  }
  if (!isSameAddress(remoteAddress, address)) {
    socket.destroy()
    return { state: 'unknown', reason: 'local-failure' }
  }
  if (socket.localPort === port && socket.localAddress === remoteAddress) {
    // RFC 9293 simultaneous open: on a local address without a listener a socket may connect to itself.
    socket.destroy()
    return { state: 'closed', reason: 'connection-refused' }
  }
  return connection
}

const isSameAddress = (one: string, other: string): boolean =>
  parseLiteral(one)?.toString() === parseLiteral(other)?.toString()
