import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

const loopback = '127.0.0.1'
/** Maximum wait for an event that takes milliseconds on an idle machine. */
export const patienceMs = 60_000

/**
 * Distinct closed TCP ports of `host`. Each is the local end of a connection to this process, which reserves it; a server
 * can still listen there (SO_REUSEADDR).
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

/** One port of `freePorts`. */
export async function freePort(host = loopback): Promise<number> {
  const [port] = await freePorts(1, host)
  if (port === undefined) throw new Error('no free port')
  return port
}

/** One of four million that Linux responds for without configuration, for servers whose ports are fixed. */
export const ownLoopbackAddress = (): string => `127.${randomInt(64, 128)}.${randomInt(256)}.${randomInt(1, 255)}`

/** Resolves once host:port accepts; rejects after a minute, or when `signal` aborts. */
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
