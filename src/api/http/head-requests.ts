import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'

/**
 * Sends the headers of GET for HEAD. Fastify would read a stream to its end and fail without a body (304), so it gets an empty
 * stream. Must be the last hook that changes responses.
 */
export function serveHeadRequests(app: FastifyInstance): void {
  app.addHook('onSend', (request, _reply, payload, done) => {
    if (request.method !== 'HEAD') return done(null, payload)
    if (payload instanceof Readable) payload.destroy()
    done(null, payload === null || payload instanceof Readable ? Readable.from([]) : payload)
  })
}
