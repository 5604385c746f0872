import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** Runs waits that end when the client leaves, or the server closes. */
export function longPoll(app: FastifyInstance) {
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())
  return async <T>(socket: Socket, wait: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const gone = new AbortController()
    const leave = () => gone.abort()
    socket.once('close', leave)
    return wait(AbortSignal.any([closing.signal, gone.signal])).finally(() => socket.off('close', leave))
  }
}
