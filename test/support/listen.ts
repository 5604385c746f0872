import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'

export interface Listening {
  host: string
  port: number
  /** The number of open connections. */
  openSockets: () => number
  /** The number of TCP connections so far. */
  accepted: () => number
  /** Closes the server and destroys every connection. */
  close: () => Promise<void>
}

/** Starts a TCP, HTTP or TLS server; port 0 means a free one. */
export async function listen(server: Server, host = '127.0.0.1', port = 0): Promise<Listening> {
  const sockets = new Set<Socket>()
  let accepted = 0
  server.on('connection', (socket: Socket) => {
    accepted += 1
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(port, host)
  await once(server, 'listening') // rejects on 'error'
  return {
    host,
    port: (server.address() as AddressInfo).port,
    openSockets: () => sockets.size,
    accepted: () => accepted,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
