import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { createKey } from '../../../operations/access/create-key.ts'
import { revokeKey } from '../../../operations/access/revoke-key.ts'
import { required } from '../../../runtime/required.ts'
import type { Key as StoredKey } from '../../../store/access/keys.ts'
import type { Stores } from '../../../store/db/stores.ts'
import { withActorNames } from '../../listing/actor-names.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject, EndReason, IdempotencyKey, PageQuery, pageOf } from '../../openapi/schemas.ts'
import { Key, KeyInput, KeyParams, KeyWithSecret, showTargets } from './schemas.ts'

export const keyRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/keys',
    {
      config: { scope: 'admin', recentSignIn: true },
      schema: {
        operationId: 'createKey',
        tags: ['keys'],
        summary: 'Create a key',
        description: 'The response holds the key, which is returned only once.',
        headers: Type.Object(IdempotencyKey),
        body: KeyInput,
        response: { 201: KeyWithSecret, ...problems(413, 415, 422) },
      },
    },
    async ({ body, headers, caller, view }, reply) => {
      const requester = { actor: caller.keyId, idempotencyKey: headers['idempotency-key'] }
      const request = {
        name: body.name,
        scopes: body.scopes,
        targetScope: body.targets?.labels ?? {},
        expiresAt: body.expiresAt ? new Date(body.expiresAt) : null,
      }
      const { key, ...created } = await createKey(view, request, requester)
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...(await show(view.stores, created)), key })
    },
  )

  app.get(
    '/keys',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'listKeys',
        tags: ['keys'],
        summary: 'List keys',
        description: 'Newest first, with revoked keys.',
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(Key), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const page = await view.stores.keys.list(query)
      return linkNext(reply, url, { ...page, items: await showAll(view.stores, page.items) })
    },
  )

  app.delete(
    '/keys/:id',
    {
      config: { scope: 'admin', recentSignIn: true },
      schema: {
        operationId: 'revokeKey',
        tags: ['keys'],
        summary: 'Revoke a key',
        description:
          'The key is rejected immediately and stays in the list; the schedules that it changed last are paused. A key cannot revoke itself.',
        params: KeyParams,
        querystring: closedObject(EndReason.properties),
        response: { 204: Type.Null({ description: 'Revoked, now or before' }), ...problems(404, 409) },
      },
    },
    async ({ params, query: { reason }, caller, view }, reply) => {
      await revokeKey(view, params.id, { actor: caller.keyId, reason })
      return reply.code(204).send(null)
    },
  )
}

async function showAll(stores: Stores, keys: readonly StoredKey[]) {
  const creators = await stores.actors.creators(keys.map(({ id }) => id))
  const shown = keys.map(({ targetScope, ...key }) => ({
    ...key,
    targets: showTargets(targetScope),
    createdBy: creators.get(key.id) ?? null,
  }))
  return withActorNames(stores, shown, ['createdBy'])
}

const show = async (stores: Stores, key: StoredKey) => required((await showAll(stores, [key]))[0], 'the key')
