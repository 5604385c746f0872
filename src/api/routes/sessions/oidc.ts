import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { SignInRules } from '../../../domain/access/tokens.ts'
import { ForbiddenError } from '../../../domain/errors.ts'
import { startSession } from '../../../operations/access/start-session.ts'
import type { Seal } from '../../../operations/webhooks/seal.ts'
import type { View } from '../../context.ts'
import type { TokenReader } from '../../http/oidc.ts'
import { logRequest } from '../../http/request-log.ts'
import type { TooMany } from '../../limits/rate-limits.ts'
import { closedObject } from '../../openapi/schemas.ts'
import { readCookie, setCookie } from '../../sessions/browser.ts'
import { createOidcClient, type PendingSignIn } from '../../sessions/oidc-client.ts'
import type { Sessions } from '../../sessions/sessions.ts'

interface Parts {
  view: View
  sessions: Sessions
  tooMany: TooMany
  tokens: TokenReader
  rules: SignInRules
  seal: Seal
  pathPrefix: string
}

/** What the sealed cookie holds during a sign-in. */
interface Kept extends PendingSignIn {
  back: string
  /** The session of the browser before. */
  replaces: string | undefined
  /** Milliseconds. */
  until: number
}

const maxMs = 10 * 60_000
const sealedFor = 'sign-in'

/** The code flow of OpenID Connect, as navigations of the browser; not in the OpenAPI document. */
export const oidcSignInRoutes: FastifyPluginAsyncTypebox<Parts> = async (app, parts) => {
  const { view, sessions, tooMany, tokens, rules, seal, pathPrefix } = parts
  const { overTls } = sessions.settings
  const client = createOidcClient(rules)
  app.decorateRequest('caller')
  const query = closedObject({
    back: Type.Optional(Type.String({ maxLength: 2_000 })),
    again: Type.Optional(Type.Boolean()),
  })

  const refuse = (request: FastifyRequest, reply: FastifyReply, code: SignInError, err?: unknown) => {
    if (err !== undefined) logRequest(request, 'warn', { err }, 'sign-in failed')
    return reply.redirect(`/ui/sign-in?error=${code}`, 303)
  }

  app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'))

  app.get('/session/oidc/start', { schema: { hide: true, querystring: query } }, async (request, reply) => {
    if (tooMany(request, reply)) return reply
    const secret = sessions.secretOf(request)
    const before = secret === undefined ? undefined : await sessions.find(secret)
    try {
      const { url, pending } = await client.begin(request.query.again === true)
      const back = pathBelowUi(request.query.back, pathPrefix)
      const kept: Kept = { ...pending, back, replaces: before?.session.id, until: view.now().getTime() + maxMs }
      const sealed = Buffer.from(seal.close(JSON.stringify(kept), sealedFor)).toString('base64url')
      setCookie(reply, 'pending', sealed, overTls)
      return reply.redirect(url.href, 303)
    } catch (error) {
      return refuse(request, reply, 'unavailable', error)
    }
  })

  app.get('/session/oidc/callback', { schema: { hide: true } }, async (request, reply) => {
    if (tooMany(request, reply)) return reply
    const kept = open(readCookie(request, 'pending', overTls))
    setCookie(reply, 'pending', undefined, overTls)
    const now = view.now()
    if (!kept || kept.until <= now.getTime()) return refuse(request, reply, 'expired')
    try {
      const issued = await client.finish(new URL(request.url, rules.redirectUri).search, kept)
      const caller = await tokens.authenticate(issued.accessToken, now)
      if (caller?.keyId !== `oidc:${issued.subject}` || caller.scopes.length === 0)
        return refuse(request, reply, 'no-access')
      const signIn = { caller, name: issued.name, signedInAt: issued.signedInAt, replaces: kept.replaces }
      const { secret } = await startSession(view, signIn, sessions.settings)
      setCookie(reply, 'session', secret, overTls)
      return reply.redirect(kept.back, 303)
    } catch (error) {
      return refuse(request, reply, error instanceof ForbiddenError ? 'no-access' : 'failed', error)
    }
  })

  function open(sealed: string | undefined): Kept | undefined {
    try {
      return sealed === undefined ? undefined : JSON.parse(seal.open(Buffer.from(sealed, 'base64url'), sealedFor))
    } catch {
      return undefined
    }
  }
}

/** Why a sign-in failed; the page of the console says it in words. */
type SignInError = 'expired' | 'failed' | 'no-access' | 'unavailable'

/** The page after the sign-in: one of the console; a path of the request elsewhere is ignored. */
export function pathBelowUi(back: string | undefined, pathPrefix: string): string {
  const overview = '/ui/'
  if (back === undefined || !URL.canParse(back, 'http://service')) return overview
  const { origin, pathname, search, hash } = new URL(back, 'http://service')
  const path = pathname.startsWith(`${pathPrefix}/`) ? pathname.slice(pathPrefix.length) : pathname
  return origin === 'http://service' && path.startsWith(overview) ? path + search + hash : overview
}
