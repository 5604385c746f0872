import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { SetupError } from '../../domain/errors.ts'

/** TCP listeners that come and go. */
export interface Listeners {
  /** Listens on exactly these endpoints, written as `address:port`. */
  open(endpoints: ReadonlySet<string>): Promise<void>
  close(): Promise<void>
}

/** Listeners that accept a connection and end it. Addresses of 127.0.0.0/8 need no set-up on Linux. */
export function createListeners(): Listeners {
  const servers = new Map<string, Server>()
  const stop = async (endpoint: string) => {
    const server = servers.get(endpoint)
    servers.delete(endpoint)
    server?.close()
    if (server) await once(server, 'close')
  }
  const start = async (endpoint: string) => {
    const [host, port] = endpoint.split(':')
    const server = createServer((socket) => socket.on('error', () => {}).end())
    servers.set(endpoint, server)
    await once(server.listen(Number(port), host), 'listening').catch((cause: unknown) => {
      servers.delete(endpoint)
      throw new SetupError(`the demo cannot listen on ${endpoint}: end the other demo`, { cause })
    })
  }
  return {
    async open(endpoints) {
      await Promise.all([...servers.keys()].filter((one) => !endpoints.has(one)).map(stop))
      await Promise.all([...endpoints].filter((one) => !servers.has(one)).map(start))
    },
    close: async () => void (await Promise.all([...servers.keys()].map(stop))),
  }
}
