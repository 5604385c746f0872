import { Socket } from 'node:net'
import { createDeadline } from '../../engine/deadline.ts'
import { parseLiteral } from '../ip-literal.ts'
import { type ConnectAttempt, type Connector, type ConnectResult, notLiteral } from './connector.ts'

/** A connector with the sockets of Node, for every platform. It knows no ICMP messages and ignores `ttl`. */
export function createNodeConnector(): Connector {
  const running = new Set<() => void>()
  let closed = false
  return {
    knowsIcmp: false,
    async connect(attempt, signal) {
      const ip = parseLiteral(attempt.address)
      if (!ip) throw new RangeError(notLiteral)
      if (closed || signal?.aborted) return { outcome: 'canceled', immediate: true, elapsedMs: 0 }
      if (ip.range() === 'linkLocal' && ip.kind() === 'ipv6') return withoutInterface
      return new Promise((resolve) => {
        const cancel = connect({ ...attempt, address: ip.toString() }, (result) => {
          running.delete(cancel)
          signal?.removeEventListener('abort', cancel)
          resolve(result)
        })
        running.add(cancel)
        signal?.addEventListener('abort', cancel)
      })
    },
    async close() {
      closed = true
      for (const cancel of running) cancel()
    },
  }
}

/** As connect() fails; libuv would choose any interface for the address (RFC 4007 section 11). */
const withoutInterface: ConnectResult = { outcome: 'EINVAL', immediate: true, elapsedMs: 0 }

/** Starts an attempt; the returned function cancels it. */
function connect({ address, port, timeoutMs, keep }: ConnectAttempt, onEnd: (result: ConnectResult) => void) {
  const startedAt = performance.now()
  let immediate = false
  let ended = false
  const socket = new Socket()
  const end = (outcome: string) => {
    if (ended) return
    ended = true
    stopWaiting()
    const elapsedMs = performance.now() - startedAt
    if (outcome === 'connected' && keep) return onEnd({ outcome, immediate, elapsedMs, socket })
    socket.destroy()
    onEnd({ outcome, immediate, elapsedMs })
  }
  // Never removed, so that an error between two steps of a probe is caught.
  socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'UNKNOWN'))
  socket.once('connect', () => end(isConnectedToItself(socket) ? 'ECONNREFUSED' : 'connected'))
  const stopWaiting = createDeadline(timeoutMs).onExpiry(() => end('silent'))
  socket.pause() // before connect(), so that the probe reads the first byte
  socket.connect({ host: address, port, autoSelectFamily: false })
  // Node calls connect() in an earlier nextTick and reports its error in a later one.
  process.nextTick(() => {
    immediate = socket.destroyed
  })
  return () => end('canceled')
}

/** RFC 9293 simultaneous open: on a local address without a listener a socket may connect to itself. */
const isConnectedToItself = ({ localPort, remotePort, localAddress, remoteAddress }: Socket): boolean =>
  localPort !== undefined && localPort === remotePort && localAddress === remoteAddress
