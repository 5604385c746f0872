import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { v7 as newUuid } from 'uuid'
import { ConflictError, NotFoundError, RefusedError } from '../../../domain/errors.ts'
import { claimOnce } from '../../../operations/audits/accept.ts'
import type { Notifier } from '../../../operations/webhooks/notifier.ts'
import { newSecret } from '../../../operations/webhooks/secrets.ts'
import {
  callbacksId,
  type WebhookInput as StoredInput,
  type Webhook as StoredWebhook,
} from '../../../store/webhooks/webhooks.ts'
import type { ServerParts, View } from '../../context.ts'
import { IfMatch, matches, stale, versionTag } from '../../http/etags.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject, IdempotencyKey, PageQuery, pageOf } from '../../openapi/schemas.ts'
import { checkDestination } from './destination-check.ts'
import {
  CallbackSecret,
  SecretRotation,
  Webhook,
  WebhookInput,
  WebhookParams,
  WebhookPatch,
  WebhookWithSecret,
} from './schemas.ts'

export const webhookRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'notifier' | 'mayDial' | 'plainHttp'>> = async (
  app,
  parts,
) => {
  const { notifier } = parts

  const find = async ({ stores }: View, id: string) => {
    const webhook = await stores.webhooks.find(id)
    if (!webhook) throw new NotFoundError(`there is no webhook ${id}`)
    return webhook
  }
  const sealed = (authorization: string | null | undefined, id: string) =>
    authorization ? notifier.seal.close(authorization, id) : null
  const withSecret = (reply: FastifyReply, webhook: StoredWebhook, secret: string | null) =>
    reply
      .header('cache-control', 'no-store')
      .header('etag', versionTag(webhook))
      .send({ ...show(webhook), secret })

  app.post(
    '/webhooks',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'createWebhook',
        tags: ['webhooks'],
        summary: 'Create a webhook',
        description: 'The response holds the signing secret, which is returned only once.',
        headers: Type.Object(IdempotencyKey),
        body: WebhookInput,
        response: { 201: WebhookWithSecret, ...problems(413, 415, 422) },
      },
    },
    async ({ body, headers, caller, view }, reply) => {
      const { authorization, ...input } = body
      checkDestination(parts, input.url, '/url')
      const id = newUuid()
      const made = newSecret()
      const order = { requestedBy: caller.keyId, idempotencyKey: headers['idempotency-key'] }
      const { webhook, secret } = await view.transaction(async (tx) => {
        const resource = await claimOnce(tx, {
          ...order,
          request: { operation: 'createWebhook', ...body },
          resource: id,
        })
        const more = {
          secret: notifier.seal.close(made, id),
          authorization: sealed(authorization, id),
          requestedBy: caller.keyId,
        }
        if (resource === id) {
          tx.ledger.record({ actor: caller.keyId, action: 'webhook.create', subject: id, payload: input })
          return { webhook: await tx.webhooks.create(id, input, more), secret: made }
        }
        const earlier = await tx.webhooks.find(resource)
        if (!earlier) throw new RefusedError([{ pointer: '', message: 'the webhook of this Idempotency-Key is gone' }])
        return { webhook: earlier, secret: null }
      })
      return withSecret(reply.code(201).header('location', `/v1/webhooks/${webhook.id}`), webhook, secret)
    },
  )

  app.get(
    '/webhooks',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'listWebhooks',
        tags: ['webhooks'],
        summary: 'List webhooks',
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(Webhook), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const page = await view.stores.webhooks.list(query)
      return linkNext(reply, url, { ...page, items: page.items.map(show) })
    },
  )

  app.get(
    '/webhooks/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'getWebhook',
        tags: ['webhooks'],
        summary: 'Get a webhook',
        params: WebhookParams,
        response: { 200: Webhook, ...problems(404) },
      },
    },
    async ({ params, view }, reply) => answer(reply, await find(view, params.id)),
  )

  app.patch(
    '/webhooks/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'updateWebhook',
        tags: ['webhooks'],
        summary: 'Update a webhook',
        description: '`{"enabled": false}` pauses the webhook; waiting deliveries continue when it is enabled again.',
        params: WebhookParams,
        headers: IfMatch,
        body: WebhookPatch,
        response: { 200: Webhook, ...problems(404, 409, 412, 413, 415, 422) },
      },
    },
    async ({ params, body, headers, caller, view }, reply) => {
      const current = await find(view, params.id)
      if (params.id === callbacksId) throw new ConflictError(`${callbacksId} can be rotated, and not changed`)
      const { authorization, ...changes } = body
      if (changes.url !== undefined) checkDestination(parts, changes.url, '/url')
      if (!matches(headers['if-match'], current)) return stale(reply)
      const { version } = current
      const more =
        authorization === undefined ? { version } : { version, authorization: sealed(authorization, params.id) }
      const saved = await view.transaction(async (tx, db) => {
        const replaced = await tx.webhooks.replace(params.id, { ...inputOf(current), ...changes }, more)
        if (replaced) {
          const payload = { ...inputOf(replaced), hasAuthorization: replaced.hasAuthorization }
          tx.ledger.record({ actor: caller.keyId, action: 'webhook.change', subject: params.id, payload })
        }
        if (replaced?.enabled) await notifier.resume(db, params.id)
        return replaced
      })
      return saved ? answer(reply, saved) : stale(reply)
    },
  )

  app.delete(
    '/webhooks/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'deleteWebhook',
        tags: ['webhooks'],
        summary: 'Delete a webhook',
        description: 'Also deletes its deliveries.',
        params: WebhookParams,
        response: { 204: Type.Null({ description: 'Deleted' }), ...problems(404, 409) },
      },
    },
    async ({ params, caller, view }, reply) => {
      const { id } = await find(view, params.id)
      if (id === callbacksId) throw new ConflictError(`${callbacksId} can be rotated, and not deleted`)
      await view.transaction(async (tx) => {
        await tx.webhooks.remove(id)
        tx.ledger.record({ actor: caller.keyId, action: 'webhook.delete', subject: id, payload: {} })
      })
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/callback-secret',
    {
      config: { scope: 'audits:run', limited: true },
      schema: {
        operationId: 'getCallbackSecret',
        tags: ['webhooks'],
        summary: 'Get the callback secret',
        description:
          'Each key has its own secret for the callbacks of its audits, so that the receiver of one key cannot forge callbacks of another. `POST /v1/webhooks/callbacks/rotate-secret` changes the secrets of all keys.',
        response: { 200: CallbackSecret, ...problems() },
      },
    },
    async ({ caller }, reply) => {
      const secrets = await notifier.callbackSecrets(caller.keyId)
      return reply.header('cache-control', 'no-store').send(showSecrets(secrets))
    },
  )

  app.post(
    '/webhooks/:id/rotate-secret',
    {
      config: { scope: 'admin' },
      preValidation: async (request: FastifyRequest) => {
        request.body ??= {} // nothing in it is required
      },
      schema: {
        operationId: 'rotateWebhookSecret',
        tags: ['webhooks'],
        summary: 'Rotate the signing secret of a webhook',
        description:
          'During the overlap every delivery has two signatures, one with each secret. Another rotation ends the overlap of the previous one.',
        params: WebhookParams,
        body: SecretRotation,
        response: { 200: WebhookWithSecret, ...problems(404, 413, 415) },
      },
    },
    async ({ params, body, caller, view }, reply) => {
      await find(view, params.id)
      const secret = newSecret()
      const until = new Date(Date.now() + body.overlapSeconds * 1000)
      const webhook = await view.transaction(async (tx) => {
        const rotated = await tx.webhooks.rotate(params.id, notifier.seal.close(secret, params.id), until)
        if (rotated)
          tx.ledger.record({ actor: caller.keyId, action: 'webhook.rotate', subject: params.id, payload: body })
        return rotated
      })
      if (!webhook) throw new NotFoundError(`there is no webhook ${params.id}`)
      return withSecret(reply, webhook, params.id === callbacksId ? null : secret)
    },
  )
}

const showSecrets = ({ secret, previous, previousUntil }: Awaited<ReturnType<Notifier['callbackSecrets']>>) => ({
  secret,
  previousSecret: previous,
  previousSecretUntil: previousUntil?.toISOString() ?? null,
})

const inputOf = ({ url, description, events, filter, format, enabled }: StoredWebhook): StoredInput => ({
  url,
  description,
  events,
  filter,
  format,
  enabled,
})

const show = (webhook: StoredWebhook): Static<typeof Webhook> => ({
  id: webhook.id,
  ...inputOf(webhook),
  hasAuthorization: webhook.hasAuthorization,
  disabledReason: webhook.disabledReason,
  previousSecretUntil: webhook.previousUntil?.toISOString() ?? null,
  requestedBy: webhook.requestedBy,
  createdAt: webhook.createdAt.toISOString(),
  updatedAt: webhook.updatedAt.toISOString(),
})

const answer = (reply: FastifyReply, webhook: StoredWebhook) =>
  reply.header('etag', versionTag(webhook)).send(show(webhook))
