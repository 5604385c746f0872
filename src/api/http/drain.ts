import { once } from 'node:events'
import { Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { speaksTls } from './listener.ts'

/** Time for requests in flight when closing starts. */
const drainMs = 500

/**
 * Makes closing lose no request: new connections are rejected, responses carry `connection: close`, and kept-alive connections
 * end after a grace period. So do connections without any request, which node would wait for.
 */
export function drainBeforeClosing(app: FastifyInstance): void {
  let closing = false
  const unused = new Set<Socket>()
  app.server.on(speaksTls(app.server) ? 'secureConnection' : 'connection', (socket: Socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  app.server.on('request', ({ socket }) => unused.delete(socket))
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) reply.header('connection', 'close')
    done()
  })
  app.addHook('preClose', async () => {
    closing = true
    if (!app.server.listening) return
    const drained = once(app.server, 'close')
    Server.prototype.close.call(app.server) // http.Server.close would also end idle connections
    await Promise.race([drained, pause(drainMs)])
    for (const socket of unused) socket.destroy()
  })
}

/** Closes the server; aborts responses that exceed `graceMs`. */
export async function closeWithin(app: FastifyInstance, graceMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), graceMs)
  await app.close()
  clearTimeout(timer)
}
