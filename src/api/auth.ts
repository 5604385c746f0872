import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller, KeyStore } from '../store/keys.ts'
import { sendProblem } from './problems.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; set on every route under /v1 before anything else runs. */
    caller: Caller
  }
  interface FastifyContextConfig {
    /** An operation that the key of the vantage in its path may call too: `vantage:NAME`. */
    forVantage?: true
  }
}

/** What a key may do: everything, or the work of the agent of one vantage. */
export const scopePattern = '^(admin|vantage:[a-z0-9]([a-z0-9-]*[a-z0-9])?)$'

/** Every route that is registered on `app` needs `Authorization: Bearer KEY` (RFC 6750) of a key whose scopes allow it. */
export function requireKey(app: FastifyInstance, keys: KeyStore): void {
  app.decorateRequest('caller')
  app.addHook('onRequest', async (request, reply) => {
    const caller = await keys.authenticate(bearerOf(request))
    if (caller) {
      request.caller = caller
      if (mayCall(request)) return
      return sendProblem(reply, { status: 403, detail: 'the scopes of this key do not allow this operation' })
    }
    reply.header('www-authenticate', 'Bearer realm="portwarden"')
    return sendProblem(reply, { status: 401, detail: 'send an API key: Authorization: Bearer pw_…' })
  })
}

const bearerOf = ({ headers }: FastifyRequest) => /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''

function mayCall({ caller, routeOptions, params }: FastifyRequest): boolean {
  if (caller.scopes.includes('admin')) return true
  const { name } = (params ?? {}) as { name?: string }
  return routeOptions.config.forVantage === true && caller.scopes.includes(`vantage:${name}`)
}
