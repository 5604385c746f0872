import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { endSession } from '../../../operations/access/end-session.ts'
import type { SignInLinks } from '../../../operations/access/sign-in-links.ts'
import { startSession } from '../../../operations/access/start-session.ts'
import type { View } from '../../context.ts'
import { sendProblem } from '../../http/problems.ts'
import type { TooMany } from '../../limits/rate-limits.ts'
import { closedObject } from '../../openapi/schemas.ts'
import { hasOwnHeader, isSafe, isSameOrigin, ownHeaderNeeded, setCookie } from '../../sessions/browser.ts'
import type { Sessions } from '../../sessions/sessions.ts'

interface Parts {
  view: View
  sessions: Sessions
  tooMany: TooMany
  links: SignInLinks
  /** Whether people can sign in at an issuer. */
  hasIssuer: boolean
}

const secret = Type.String({ maxLength: 200 })
/** A key, or the token of a link that the start of the service prints. */
const Credentials = Type.Union([closedObject({ key: secret }), closedObject({ token: secret })])

/** Sign-in and sign-out of browsers; not in the OpenAPI document, because other clients send their key with each request. */
export const signInRoutes: FastifyPluginAsyncTypebox<Parts> = async (app, parts) => {
  const { view, sessions, tooMany, links } = parts
  const { overTls, publicOrigin } = sessions.settings
  app.decorateRequest('caller')
  const sessionOf = async (request: FastifyRequest) => {
    const secret = sessions.secretOf(request)
    return secret === undefined ? undefined : (await sessions.find(secret))?.session
  }

  // Else another site could sign a person in as another, or out.
  app.addHook('onRequest', async (request, reply) => {
    if (isSafe(request)) return
    if (!isSameOrigin(request, publicOrigin))
      return sendProblem(reply, { status: 403, detail: 'only pages of this service may send this request' })
    if (!hasOwnHeader(request)) return sendProblem(reply, { status: 403, detail: ownHeaderNeeded })
  })

  const identify = async (body: Static<typeof Credentials>, now: Date) => {
    if ('key' in body) return view.stores.keys.authenticate(body.key, now)
    const keyId = links.redeem(body.token, now)
    return keyId === undefined ? undefined : view.stores.keys.callerOf(keyId, now)
  }

  app.get('/session', { schema: { hide: true } }, async () => ({ oidc: parts.hasIssuer }))

  app.post('/session', { schema: { hide: true, body: Credentials } }, async (request, reply) => {
    const now = view.now()
    const caller = await identify(request.body, now)
    if (caller) request.caller = caller
    if (tooMany(request, reply)) return reply
    if (!caller)
      return sendProblem(reply, { status: 401, detail: 'the key does not exist, was revoked, or has expired' })
    const replaces = (await sessionOf(request))?.id
    const { secret } = await startSession(view, { caller, signedInAt: now, replaces }, sessions.settings)
    setCookie(reply, 'session', secret, overTls)
    return reply.code(204).header('cache-control', 'no-store').send()
  })

  app.delete('/session', { schema: { hide: true } }, async (request, reply) => {
    const session = await sessionOf(request)
    if (session) await endSession(view, session.id, session.caller)
    setCookie(reply, 'session', undefined, overTls)
    return reply.code(204).header('cache-control', 'no-store').send()
  })
}
