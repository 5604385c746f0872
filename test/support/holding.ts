import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { type Listening, listen } from './listen.ts'

interface Holding extends Listening, AsyncDisposable {
  /** Resolves once it holds this many connections. */
  holds(count?: number): Promise<void>
  /** Closes all connections, and every later one immediately. */
  release(): void
}

/** A loopback port that holds connections silently until `release`. */
export async function listenHolding(): Promise<Holding> {
  const held = new Set<Socket>()
  let holding = true
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (!holding) {
      socket.destroy()
      return
    }
    held.add(socket)
    socket.once('close', () => held.delete(socket))
    server.emit('held')
  })
  const listening = await listen(server)
  return {
    ...listening,
    async holds(count = 1) {
      while (held.size < count) await once(server, 'held')
    },
    release() {
      holding = false
      for (const socket of held) socket.destroy()
    },
    [Symbol.asyncDispose]: listening.close,
  }
}
