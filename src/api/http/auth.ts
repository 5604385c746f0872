import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import { allows, type Need, scopesFor } from '../../domain/access/scopes.ts'
import { commandLine } from '../../operations/access/command-line.ts'
import type { Caller } from '../../store/access/keys.ts'
import type { Session } from '../../store/access/sessions.ts'
import { everything, isEverything, type TargetScope } from '../../store/query/target-scope.ts'
import type { View } from '../context.ts'
import type { Quotas } from '../limits/quotas.ts'
import type { TooMany } from '../limits/rate-limits.ts'
import { hasOwnHeader, isSafe, ownHeaderNeeded } from '../sessions/browser.ts'
import { isRecent, type Sessions, signInAgain } from '../sessions/sessions.ts'
import type { TokenReader } from './oidc.ts'
import { sendProblem } from './problems.ts'

interface Guards {
  tooMany?: TooMany
  tokens?: TokenReader | undefined
  quotas?: Quotas
  replicaView?: (() => Promise<View | undefined>) | undefined
  /** Undefined: cookies count for nothing. */
  sessions?: Sessions | undefined
  /** The secret of the command in whose process the service runs. */
  commandKey?: string | undefined
}

/** Who calls, and the session if a cookie says so. */
interface Identity {
  caller: Caller
  session?: Session
}

/**
 * Requires credentials whose scopes allow the operation on every route of `app`: `Authorization: Bearer` (RFC 6750) with a key or
 * token, or else, under /v1, the cookie of a session that a page of this origin sent.
 */
export function requireKey(
  app: FastifyInstance,
  all: View,
  { tooMany, quotas, replicaView, ...credentials }: Guards = {},
): void {
  app.decorateRequest('caller')
  app.decorateRequest('session')
  app.decorateRequest('view')
  app.decorateRequest('isStillValid')
  const viewOf = createViews(all)
  const identifierOf = createIdentifiers(all, credentials)
  app.addHook('onRoute', (route) => void needOf(route))
  app.addHook('onRequest', async (request, reply) => {
    const identify = identifierOf(request)
    const who = await identify()
    if (who) request.caller = who.caller
    if (tooMany?.(request, reply)) return reply
    if (!who) {
      reply.header('www-authenticate', 'Bearer realm="portwarden"')
      return sendProblem(reply, { status: 401, detail: 'send an API key: Authorization: Bearer pw_…' })
    }
    quotas?.startRequest(request, reply)
    const { caller, session } = who
    request.view = viewOf(caller.targetScope)
    // An error counts as invalid: the stream ends, and the next request reports the cause.
    request.isStillValid = async () => (await identify().catch(() => undefined)) !== undefined
    const { name } = (request.params ?? {}) as { name?: string }
    const need = needOf(request.routeOptions)
    if (!allows(caller.scopes, need, name)) {
      const detail = `the key needs the scope ${scopesFor(need, name).join(' or ')}`
      return sendProblem(reply, { status: 403, detail })
    }
    if (!isEverything(caller.targetScope) && !request.routeOptions.config.limited)
      return sendProblem(reply, { status: 403, detail: 'the key is limited to targets with its labels' })
    if (request.routeOptions.config.replica) {
      reply.header('portwarden-as-of', all.now().toISOString())
      const onReplica = await replicaView?.()
      if (onReplica) request.view = isEverything(caller.targetScope) ? onReplica : narrow(onReplica, caller.targetScope)
    }
    if (!session) return
    request.session = session
    if (!isSafe(request) && !hasOwnHeader(request)) return sendProblem(reply, { status: 403, detail: ownHeaderNeeded })
    if (request.routeOptions.config.recentSignIn && !isRecent(session, all.now())) {
      reply.header('www-authenticate', signInAgain)
      return sendProblem(reply, { status: 401, detail: 'sign in again: this needs a sign-in of the last 15 minutes' })
    }
    await credentials.sessions?.noteUse(request, session)
  })
}

/** How a request says who calls; a header goes before a cookie. Agents never use cookies. */
function createIdentifiers(
  { stores, now }: View,
  { tokens, sessions, commandKey }: Omit<Guards, 'tooMany' | 'quotas'>,
) {
  return (request: FastifyRequest): (() => Promise<Identity | undefined>) => {
    const { url = '', config } = request.routeOptions
    const mayUseCookie =
      request.headers.authorization === undefined && url.startsWith('/v1/') && config.scope !== 'vantage'
    const secret = mayUseCookie ? sessions?.secretOf(request) : undefined
    if (sessions && secret !== undefined) return () => sessions.find(secret)
    const bearer = bearerOf(request)
    if (commandKey !== undefined && bearer === commandKey) return async () => ({ caller: commandLine })
    const reader = tokens && !bearer.startsWith('pw_') ? tokens : stores.keys
    return async () => {
      const caller = await reader.authenticate(bearer, now())
      return caller && { caller }
    }
  }
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
