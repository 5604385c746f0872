import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { endSession } from '../../../operations/access/end-session.ts'
import { startSession } from '../../../operations/access/start-session.ts'
import type { View } from '../../context.ts'
import { hasOwnHeader, isSameOrigin, ownHeaderNeeded, setSessionCookie } from '../../http/browser.ts'
import { sendProblem } from '../../http/problems.ts'
import type { Sessions } from '../../http/sessions.ts'
import type { TooMany } from '../../limits/rate-limits.ts'
import { closedObject } from '../../openapi/schemas.ts'

interface Parts {
  view: View
  sessions: Sessions
  tooMany: TooMany
}

const Credentials = closedObject({ key: Type.String({ maxLength: 200 }) })

/** Sign-in and sign-out of browsers; not in the OpenAPI document, because other clients send their key with each request. */
export const signInRoutes: FastifyPluginAsyncTypebox<Parts> = async (app, { view, sessions, tooMany }) => {
  const { overTls, publicOrigin } = sessions.settings
  app.decorateRequest('caller')
  const sessionOf = async (request: FastifyRequest) => {
    const secret = sessions.secretOf(request)
    return secret === undefined ? undefined : (await sessions.find(secret))?.session
  }

  // Else another site could sign a person in as another, or out.
  app.addHook('onRequest', async (request, reply) => {
    if (!isSameOrigin(request, publicOrigin))
      return sendProblem(reply, { status: 403, detail: 'only pages of this service may send this request' })
    if (!hasOwnHeader(request)) return sendProblem(reply, { status: 403, detail: ownHeaderNeeded })
  })

  app.post('/session', { schema: { hide: true, body: Credentials } }, async (request, reply) => {
    const now = view.now()
    const caller = await view.stores.keys.authenticate(request.body.key, now)
    if (caller) request.caller = caller
    if (tooMany(request, reply)) return reply
    if (!caller)
      return sendProblem(reply, { status: 401, detail: 'the key does not exist, was revoked, or has expired' })
    const replaces = await sessionOf(request)
    const { secret } = await startSession(view, { caller, signedInAt: now, replaces }, sessions.settings)
    setSessionCookie(reply, secret, overTls)
    return reply.code(204).header('cache-control', 'no-store').send()
  })

  app.delete('/session', { schema: { hide: true } }, async (request, reply) => {
    const session = await sessionOf(request)
    if (session) await endSession(view, session.id, session.caller)
    setSessionCookie(reply, undefined, overTls)
    return reply.code(204).header('cache-control', 'no-store').send()
  })
}
