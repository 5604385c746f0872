import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller, KeyStore } from '../store/keys.ts'
import { sendProblem } from './problems.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; set on every route under /v1 before anything else runs. */
    caller: Caller
  }
}

/** Every route that is registered on `app` needs `Authorization: Bearer KEY` (RFC 6750). */
export function requireKey(app: FastifyInstance, keys: KeyStore): void {
  app.decorateRequest('caller')
  app.addHook('onRequest', async (request, reply) => {
    const caller = await keys.authenticate(bearerOf(request))
    if (caller) {
      request.caller = caller
      return
    }
    reply.header('www-authenticate', 'Bearer realm="portwarden"')
    return sendProblem(reply, { status: 401, detail: 'send an API key: Authorization: Bearer pw_…' })
  })
}

const bearerOf = ({ headers }: FastifyRequest) => /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
