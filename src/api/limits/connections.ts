import type { Server, Socket } from 'node:net'

/** The open connections; every connection belongs to the key that used it last, or to its remote address. */
export interface Connections {
  /** Notes that a request of the key starts; the result ends it. */
  claim(socket: Socket, keyId: string): () => void
  /** The open connections that the key used last. */
  countOf(keyId: string): number
}

interface Connection {
  socket: Socket
  peer: string
  owner: string
  /** Requests of a key under way. */
  busy: number
}

interface Observer {
  changed(open: number): void
  /** `closed`: an idle connection made room; `rejected`: all were busy. */
  full(outcome: 'closed' | 'rejected'): void
}

const overload = JSON.stringify({
  type: 'about:blank',
  title: 'Service Unavailable',
  status: 503,
  detail: 'all connections are in use',
})
const rejection = `HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Type: application/problem+json\r\nContent-Length: ${overload.length}\r\n\r\n${overload}`

/** Also of the TLS socket above a socket, which has the same peer. */
const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`

/**
 * Keeps at most `max` connections open, and room for newcomers: while all are open, each newcomer replaces the longest idle
 * connection of the owner with the most idle ones. Idle are connections without a request of a valid key under way: silent ones,
 * unfinished headers, and kept-alive ones. So an address or a proxy that opens many closes its own.
 */
export function shareConnections(server: Server, max: number, observer: Observer): Connections {
  const all = new Map<string, Connection>()
  const counts = new Map<string, number>()
  /** Of each owner, longest idle first. */
  const idle = new Map<string, Set<Connection>>()

  const count = (owner: string, by: 1 | -1) => {
    const next = (counts.get(owner) ?? 0) + by
    if (next > 0) counts.set(owner, next)
    else counts.delete(owner)
  }
  const setBusy = (one: Connection) => {
    const others = idle.get(one.owner)
    others?.delete(one)
    if (others?.size === 0) idle.delete(one.owner)
  }
  const setIdle = (one: Connection) => {
    setBusy(one) // becomes the last of its owner
    const others = idle.get(one.owner) ?? new Set()
    idle.set(one.owner, others.add(one))
  }
  const isOpen = (one: Connection) => all.get(one.peer) === one
  const forget = (one: Connection) => {
    if (!isOpen(one)) return
    all.delete(one.peer)
    setBusy(one)
    count(one.owner, -1)
    observer.changed(all.size)
  }
  const makeRoom = (): boolean => {
    let most: Set<Connection> | undefined
    for (const some of idle.values()) if (some.size > (most?.size ?? 0)) most = some
    const [victim] = most ?? []
    if (!victim) return false
    forget(victim)
    victim.socket.destroy()
    return true
  }

  server.on('connection', (socket: Socket) => {
    if (all.size >= max) {
      const isRoom = makeRoom()
      observer.full(isRoom ? 'closed' : 'rejected')
      if (!isRoom) return void reject(socket, server)
    }
    const peer = peerOf(socket)
    const one = { socket, peer, owner: `address ${socket.remoteAddress}`, busy: 0 }
    all.set(peer, one)
    count(one.owner, 1)
    setIdle(one)
    observer.changed(all.size)
    socket.once('close', () => forget(one))
  })
  server.on('request', ({ socket }: { socket: Socket }) => {
    const one = all.get(peerOf(socket))
    if (one?.busy === 0) setIdle(one)
  })

  return {
    countOf: (keyId) => counts.get(`key ${keyId}`) ?? 0,
    claim(socket, keyId) {
      const one = all.get(peerOf(socket))
      if (!one) return () => {} // a request without a connection, or its connection has closed
      setBusy(one)
      count(one.owner, -1)
      one.owner = `key ${keyId}`
      count(one.owner, 1)
      one.busy += 1
      return () => {
        one.busy -= 1
        if (one.busy === 0 && isOpen(one)) setIdle(one)
      }
    },
  }
}

/** A TLS client would not understand a response before its handshake. */
function reject(socket: Socket, server: Server): void {
  socket.on('error', () => {})
  if ('setSecureContext' in server) socket.destroy()
  else socket.end(rejection, () => socket.destroy())
}
