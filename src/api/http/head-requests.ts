import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'

/**
 * HEAD is answered as GET without the body. Left to itself Fastify reads what GET would stream to its end, for nobody, and
 * fails where there is no body (304): it gets an empty stream in the place of both. What else changes answers comes before this.
 */
export function serveHeadRequests(app: FastifyInstance): void {
  app.addHook('onSend', (request, _reply, payload, done) => {
    if (request.method !== 'HEAD') return done(null, payload)
    if (payload instanceof Readable) payload.destroy()
    done(null, payload === null || payload instanceof Readable ? Readable.from([]) : payload)
  })
}
