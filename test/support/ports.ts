import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

const loopback = '127.0.0.1'
/** So long is waited for what comes in a moment, on a machine that has nothing else to do. */
export const patienceMs = 60_000

/**
 * Distinct TCP ports of `host` where nobody listens. Each is the near end of a connection to ourselves, so nobody else is
 * given it as a free one while this process lives; a server that is told to listen there does (SO_REUSEADDR).
 */
export async function freePorts(count: number, host = loopback): Promise<number[]> {
  const server = net.createServer((socket) => socket.unref()).listen(0, host)
  await once(server, 'listening')
  server.unref()
  const { port } = server.address() as net.AddressInfo
  const ports: number[] = []
  while (ports.length < count) {
    const end = net.connect({ host, port, localAddress: host, localPort: 0 })
    await once(end, 'connect')
    end.unref()
    ports.push((end.address() as net.AddressInfo).port)
  }
  return ports
}

/** One port as `freePorts` gives it. */
export async function freePort(host = loopback): Promise<number> {
  const [port] = await freePorts(1, host)
  if (port === undefined) throw new Error('no free port')
  return port
}

/** Resolves when something accepts on host:port; rejects after a minute, or when `signal` aborts (its reason). */
export async function waitForPort(host: string, port: number, signal?: AbortSignal): Promise<void> {
  const giveUpAt = performance.now() + patienceMs
  while (!(await accepts(host, port))) {
    signal?.throwIfAborted()
    if (performance.now() > giveUpAt) throw new Error(`nothing accepts on ${host}:${port} after ${patienceMs} ms`)
    await pause(5)
  }
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
