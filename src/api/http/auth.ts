import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import { allows, type Need, scopesFor } from '../../domain/access/scopes.ts'
import { everything, isEverything, type TargetScope } from '../../store/query/target-scope.ts'
import type { View } from '../context.ts'
import type { Quotas } from '../limits/quotas.ts'
import type { TooMany } from '../limits/rate-limits.ts'
import type { TokenReader } from './oidc.ts'
import { sendProblem } from './problems.ts'

interface Guards {
  tooMany?: TooMany
  tokens?: TokenReader | undefined
  quotas?: Quotas
}

/** Requires `Authorization: Bearer` (RFC 6750) on every route of `app`, with a key or token whose scopes allow the operation. */
export function requireKey(app: FastifyInstance, all: View, { tooMany, tokens, quotas }: Guards = {}): void {
  app.decorateRequest('caller')
  app.decorateRequest('view')
  app.decorateRequest('isStillValid')
  const viewOf = createViews(all)
  app.addHook('onRoute', (route) => void needOf(route))
  app.addHook('onRequest', async (request, reply) => {
    const bearer = bearerOf(request)
    const reader = tokens && !bearer.startsWith('pw_') ? tokens : all.stores.keys
    const authenticate = () => reader.authenticate(bearer, all.now())
    const caller = await authenticate()
    if (caller) request.caller = caller
    if (tooMany?.(request, reply)) return reply
    if (!caller) {
      reply.header('www-authenticate', 'Bearer realm="portwarden"')
      return sendProblem(reply, { status: 401, detail: 'send an API key: Authorization: Bearer pw_…' })
    }
    quotas?.startRequest(request, reply)
    request.view = viewOf(caller.targetScope)
    // Fails closed; the next request reports the cause.
    request.isStillValid = async () => (await authenticate().catch(() => undefined)) !== undefined
    const { name } = (request.params ?? {}) as { name?: string }
    const need = needOf(request.routeOptions)
    if (!allows(caller.scopes, need, name)) {
      const detail = `the key needs the scope ${scopesFor(need, name).join(' or ')}`
      return sendProblem(reply, { status: 403, detail })
    }
    if (!isEverything(caller.targetScope) && !request.routeOptions.config.limited)
      return sendProblem(reply, { status: 403, detail: 'the key is limited to targets with its labels' })
  })
}

/** Caches views as long as the key that holds the scope. */
function createViews(all: View): (targetScope: TargetScope) => View {
  const made = new WeakMap<TargetScope, View>([[everything, all]])
  return (targetScope) => {
    const view = made.get(targetScope) ?? (isEverything(targetScope) ? all : narrow(all, targetScope))
    made.set(targetScope, view)
    return view
  }
}

const narrow = (all: View, targetScope: TargetScope): View => ({
  stores: all.stores.within(targetScope),
  transaction: (work) => all.transaction((stores, tx) => work(stores.within(targetScope), tx)),
  now: all.now,
})

const bearerOf = ({ headers }: FastifyRequest) => /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''

function needOf({ url, config }: Pick<RouteOptions, 'config'> & { url?: string | undefined }): Need {
  if (config?.scope === undefined) throw new Error(`the route ${url} has no scope`)
  return config.scope
}
