import net from 'node:net'
import { createDeadline } from '../../src/probes/engine/deadline.ts'
import type { Connection, Outcome, ProbeIo } from '../../src/probes/engine/probe.ts'
import { sendDatagram } from '../../src/probes/network/connector/datagram.ts'

const closed = { state: 'closed', reason: 'connection-refused' } as const

/** The ProbeIo for tests: real connections, one deadline, no credential by default. */
export function probeIo({
  deadlineMs = 5_000,
  credential = async () => ({ refused: 'credential-unavailable' }),
  credentialCa,
}: {
  deadlineMs?: number
  credential?: ProbeIo['credential']
  credentialCa?: ProbeIo['credentialCa']
} = {}): ProbeIo {
  const deadline = createDeadline(deadlineMs)
  return {
    reach: () => Promise.reject(new Error('only the tcp probe uses this, and it has its own tests')),
    async exchange({ address, port }, datagram, accepts) {
      const ending = new AbortController()
      const stopWaiting = deadline.onExpiry(() => ending.abort())
      const attempt = { address, port, datagram, accepts, signal: ending.signal, knowsIcmp: false }
      const { reply, elapsedMs, outcome } = await sendDatagram(attempt)
      stopWaiting()
      if (reply) return { reply, latencyMs: elapsedMs }
      return outcome === 'canceled'
        ? { state: 'unknown', reason: 'udp-no-response' }
        : { state: 'closed', reason: 'icmp-port-unreachable' }
    },
    deadline,
    credential,
    credentialCa,
    requester: 'portwarden tests',
    connect: ({ address, port }) => {
      const { promise, resolve } = Promise.withResolvers<Connection | Outcome>()
      const startedAt = performance.now()
      const socket = new net.Socket()
      socket.pause() // before connect(), so that the probe reads the first byte
      const settle = (result: Connection | Outcome) => {
        cancelExpiry()
        socket.off('error', refuse)
        resolve(result)
      }
      const refuse = ({ code }: NodeJS.ErrnoException) =>
        // A reset right after the TCP handshake fails connect() too, but the port was open.
        settle(code === 'ECONNRESET' ? { state: 'open', reason: 'connection-reset' } : closed)
      const cancelExpiry = deadline.onExpiry(() => {
        settle({ state: 'filtered', reason: 'no-response' })
        socket.on('error', () => {}).destroy()
      })
      socket.once('error', refuse)
      socket.once('connect', () => settle({ socket, connectMs: performance.now() - startedAt }))
      socket.connect({ host: address, port })
      return promise
    },
  }
}
