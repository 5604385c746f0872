import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { limitableScopes } from '../../../domain/access/scopes.ts'
import { ConflictError, NotFoundError, RefusedError } from '../../../domain/errors.ts'
import { claimOnce } from '../../../operations/audits/accept.ts'
import { newKeyId, type Key as StoredKey } from '../../../store/access/keys.ts'
import { isEverything } from '../../../store/query/target-scope.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject, IdempotencyKey, PageQuery, pageOf } from '../../openapi/schemas.ts'
import { Key, KeyInput, KeyParams, KeyWithSecret } from './schemas.ts'

export const keyRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/keys',
    {
      config: { scope: 'admin' },
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
      const expiresAt = body.expiresAt ? new Date(body.expiresAt) : null
      if (expiresAt && expiresAt <= new Date())
        throw new RefusedError([{ pointer: '/expiresAt', message: 'must be in the future' }])
      const targetScope = body.targets?.labels ?? {}
      if (!isEverything(targetScope)) checkLimitable(body.scopes)
      const id = newKeyId()
      const order = { requestedBy: caller.keyId, idempotencyKey: headers['idempotency-key'] }
      const made = await view.transaction(async (tx) => {
        const request = { operation: 'createKey', ...body }
        const resource = await claimOnce(tx, { ...order, request, resource: id })
        const key =
          resource === id ? await tx.keys.create(body.name, body.scopes, { id, expiresAt, targetScope }) : null
        const stored = await tx.keys.find(resource)
        if (!stored) throw new RefusedError([{ pointer: '', message: 'this Idempotency-Key made no key' }])
        const shown = show(stored)
        if (key) tx.ledger.record({ actor: caller.keyId, action: 'key.create', subject: id, payload: shown })
        return { ...shown, key }
      })
      return reply.code(201).header('cache-control', 'no-store').send(made)
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
      return linkNext(reply, url, { ...page, items: page.items.map(show) })
    },
  )

  app.delete(
    '/keys/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'revokeKey',
        tags: ['keys'],
        summary: 'Revoke a key',
        description: 'The key is rejected immediately and stays in the list. A key cannot revoke itself.',
        params: KeyParams,
        response: { 204: Type.Null({ description: 'Revoked, now or before' }), ...problems(404, 409) },
      },
    },
    async ({ params, caller, view: { stores, transaction } }, reply) => {
      if (params.id === caller.keyId) throw new ConflictError('a key cannot revoke itself: use another admin key')
      if (!(await stores.keys.find(params.id))) throw new NotFoundError(`there is no key ${params.id}`)
      await transaction(async (tx) => {
        if (await tx.keys.revoke(params.id))
          tx.ledger.record({ actor: caller.keyId, action: 'key.revoke', subject: params.id, payload: {} })
      })
      return reply.code(204).send(null)
    },
  )
}

const show = ({ targetScope, ...key }: StoredKey) => ({
  ...key,
  targets: isEverything(targetScope) ? null : { labels: { ...targetScope } },
})

function checkLimitable(scopes: readonly string[]): void {
  const issues = scopes.flatMap((scope, i) =>
    limitableScopes.includes(scope)
      ? []
      : [{ pointer: `/scopes/${i}`, message: `a key with the scope ${scope} cannot be limited to targets` }],
  )
  if (issues.length > 0) throw new RefusedError(issues)
}
