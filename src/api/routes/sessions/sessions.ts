import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import { endSession } from '../../../operations/access/end-session.ts'
import type { Session as StoredSession } from '../../../store/access/sessions.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject, PageQuery, pageOf } from '../../openapi/schemas.ts'
import { showTargets } from '../keys/schemas.ts'
import { Me, Session, SessionParams } from './schemas.ts'

export const sessionRoutes: FastifyPluginAsyncTypebox<{ version: string }> = async (app, { version }) => {
  app.get(
    '/me',
    {
      config: { scope: 'none', limited: true },
      schema: {
        operationId: 'getMe',
        tags: ['keys'],
        summary: 'Get the caller',
        description: 'Returns who calls, what the caller may do, and until when.',
        response: { 200: Me, ...problems() },
      },
    },
    async ({ caller, session, view }) => {
      const key = await view.stores.keys.find(caller.keyId)
      return {
        id: caller.keyId,
        name: session?.name ?? key?.name ?? caller.keyId.replace(/^oidc:/, ''),
        kind: kindOf(caller.keyId),
        scopes: caller.scopes,
        targets: showTargets(caller.targetScope),
        expiresAt: key?.expiresAt ?? null,
        session: session ? { id: session.id, ...timesOf(session) } : null,
        version,
      }
    },
  )

  app.get(
    '/sessions',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'listSessions',
        tags: ['keys'],
        summary: 'List sessions',
        description: 'The browsers in which people are signed in, newest first.',
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(Session), ...problems() },
      },
    },
    async ({ query, url, session, view }, reply) => {
      const page = await view.stores.sessions.list(query, view.now())
      return linkNext(reply, url, { ...page, items: page.items.map((one) => show(one, session)) })
    },
  )

  app.delete(
    '/sessions/:id',
    {
      config: { scope: 'admin', recentSignIn: true },
      schema: {
        operationId: 'endSession',
        tags: ['keys'],
        summary: 'End a session',
        description: 'The browser is signed out immediately, and its event streams end.',
        params: SessionParams,
        response: { 204: Type.Null({ description: 'Ended' }), ...problems(404) },
      },
    },
    async ({ params, caller, view }, reply) => {
      await endSession(view, params.id, caller.keyId)
      return reply.code(204).send(null)
    },
  )
}

const kindOf = (callerId: string): Static<typeof Me>['kind'] => (callerId.startsWith('oidc:') ? 'oidc' : 'key')

const timesOf = ({ createdAt, signedInAt, idleEndsAt, endsAt }: StoredSession) => ({
  createdAt: createdAt.toISOString(),
  signedInAt: signedInAt?.toISOString() ?? null,
  idleEndsAt: idleEndsAt.toISOString(),
  endsAt: endsAt.toISOString(),
})

const show = (session: StoredSession, current: StoredSession | undefined): Static<typeof Session> => ({
  id: session.id,
  caller: session.caller,
  name: session.name,
  kind: kindOf(session.caller),
  ...timesOf(session),
  lastUsedAt: session.lastUsedAt.toISOString(),
  isCurrent: session.id === current?.id,
})
