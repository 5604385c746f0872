import { once } from 'node:events'
import { Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { speaksTls } from './listener.ts'

/** Time for a request that is under way on an idle connection when the closing begins. */
const drainMs = 500

/**
 * Makes closing lose no request: nobody new is let in, every answer from then on says `connection: close`, and connections
 * that are kept alive are ended only when what was under way on them has had time to come. So are those on which nothing was
 * asked: node counts them among the busy ones, and would wait for them.
 */
export function drainBeforeClosing(app: FastifyInstance): void {
  let closing = false
  const unasked = new Set<Socket>()
  app.server.on(speaksTls(app.server) ? 'secureConnection' : 'connection', (socket: Socket) => {
    unasked.add(socket)
    socket.once('close', () => unasked.delete(socket))
  })
  app.server.on('request', ({ socket }) => unasked.delete(socket))
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) reply.header('connection', 'close')
    done()
  })
  app.addHook('preClose', async () => {
    closing = true
    if (!app.server.listening) return
    const drained = once(app.server, 'close')
    Server.prototype.close.call(app.server) // that of http.Server would end idle connections, too
    await Promise.race([drained, pause(drainMs)])
    for (const socket of unasked) socket.destroy()
  })
}

/** Closes a service; what is still being answered after `graceMs`, an export to a slow reader say, is cut off. */
export async function closeWithin(app: FastifyInstance, graceMs: number): Promise<void> {
  const patience = setTimeout(() => app.server.closeAllConnections(), graceMs)
  await app.close()
  clearTimeout(patience)
}
