import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { type Listening, listen } from './listen.ts'

interface Holding extends Listening, AsyncDisposable {
  /** Resolves when it holds so many connections. */
  holds(count?: number): Promise<void>
  /** Hangs up, and from now on at once. */
  release(): void
}

/** A port of loopback that takes connections and says nothing until it is told to hang up. */
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
