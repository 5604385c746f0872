import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { limitableScopes, scopePattern } from '../../domain/access/scopes.ts'
import { ConflictError, NotFoundError, RefusedError } from '../../domain/errors.ts'
import { claimOnce } from '../../operations/audits/accept.ts'
import { newKeyId, type Key as StoredKey } from '../../store/access/keys.ts'
import { isEverything } from '../../store/query/target-scope.ts'
import { linkNext } from '../listing/links.ts'
import { closedObject, IdempotencyKey, nullable, PageQuery, pageOf, problems, Timestamp } from '../openapi/schemas.ts'
import { Labels } from './targets/schemas.ts'

const fields = {
  name: Type.String({ minLength: 1, maxLength: 100, description: 'For people', examples: ['agent of the branch'] }),
  scopes: Type.Array(
    Type.String({ pattern: scopePattern, maxLength: 110, examples: ['audits:run', 'vantage:branch-office'] }),
    {
      minItems: 1,
      maxItems: 20,
      uniqueItems: true,
      description:
        'What it may do; each operation says which scope it needs. `admin` may do everything, `vantage:NAME` the work of the agent of that vantage',
    },
  ),
}
const Limit = nullable(
  closedObject(
    { labels: { ...Labels, minProperties: 1 } as typeof Labels },
    {
      description: 'It knows of the targets with all of these labels and of no others; null: of all',
      examples: [{ labels: { team: 'blue' } }],
    },
  ),
)
const choices = {
  targets: Type.Optional(Limit),
  expiresAt: Type.Optional(
    nullable(Type.String({ format: 'date-time', description: 'When it ceases to open anything' })),
  ),
}
const KeyId = Type.String({ pattern: '^[0-9a-f]{12}$', examples: ['0123456789ab'] })
const shown = {
  id: KeyId,
  ...fields,
  scopes: Type.Array(Type.String()),
  targets: Limit,
  createdAt: Timestamp,
  expiresAt: nullable(Timestamp),
  lastUsedAt: nullable(Type.String({ format: 'date-time', description: 'To the minute' })),
  revokedAt: nullable(Timestamp),
}
const Params = closedObject({ id: KeyId })

const KeyInput = closedObject(
  { ...fields, ...choices },
  { $id: 'KeyInput', examples: [{ name: 'agent of the branch', scopes: ['vantage:branch-office'] }] },
)
export const Key = Type.Object(shown, { $id: 'Key', title: 'Key', description: 'An API key, without its secret' })
export const KeyWithSecret = Type.Object(
  {
    ...shown,
    key: nullable(
      Type.String({
        description: 'The key itself, this once; null where an Idempotency-Key brought the same answer again',
        examples: ['pw_0123456789ab_…'],
      }),
    ),
  },
  { $id: 'KeyWithSecret', title: 'KeyWithSecret', description: 'An API key with its secret: it cannot be seen again' },
)

export const keyRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/keys',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'createKey',
        tags: ['keys'],
        summary: 'Create a key',
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
        description: 'It opens nothing from now on; it stays in the list. A key cannot revoke itself.',
        params: Params,
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
