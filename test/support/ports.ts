import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

const loopback = '127.0.0.1'

/** Distinct TCP ports of `host` that were free a moment ago; another process may take one before you do: see `onFreePorts`. */
export async function freePorts(count: number, host = loopback): Promise<number[]> {
  const servers: net.Server[] = []
  for (let opened = 0; opened < count; opened += 1) {
    const server = net.createServer().listen(0, host)
    await once(server, 'listening')
    servers.push(server)
  }
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port)
  for (const server of servers) {
    server.close()
    await once(server, 'close')
  }
  return ports
}

/** One port as `freePorts` gives it. Nothing listens there, so it also serves as a closed port. */
export async function freePort(host = loopback): Promise<number> {
  const [port] = await freePorts(1, host)
  if (port === undefined) throw new Error('no free port')
  return port
}

/** Calls `start` with free ports, and again with others while it fails because somebody else took one meanwhile. */
export async function onFreePorts<Started>(
  count: number,
  host: string,
  start: (ports: number[]) => Promise<Started>,
): Promise<Started> {
  for (let triesLeft = 4; ; triesLeft -= 1) {
    try {
      return await start(await freePorts(count, host))
    } catch (error) {
      if (triesLeft === 0 || !/address already in use/i.test(String(error))) throw error
    }
  }
}

/** Resolves when something accepts on host:port; rejects after `timeoutMs`, or when `signal` aborts (its reason). */
export async function waitForPort(
  host: string,
  port: number,
  { timeoutMs = 15_000, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs
  while (!(await accepts(host, port))) {
    signal?.throwIfAborted()
    if (performance.now() > giveUpAt) throw new Error(`nothing accepts on ${host}:${port} after ${timeoutMs} ms`)
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
