import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { readCallbackSecrets } from '../../../operations/webhooks/callbacks.ts'
import { createWebhook } from '../../../operations/webhooks/create.ts'
import { deleteWebhook } from '../../../operations/webhooks/delete.ts'
import { rotateSecret } from '../../../operations/webhooks/rotate-secret.ts'
import { updateWebhook } from '../../../operations/webhooks/update.ts'
import { findWebhook, inputOf, type WebhookParts } from '../../../operations/webhooks/webhook.ts'
import { required } from '../../../runtime/required.ts'
import {
  callbacksId,
  type WebhookInput as StoredInput,
  type Webhook as StoredWebhook,
} from '../../../store/webhooks/webhooks.ts'
import type { View } from '../../context.ts'
import { describePatch } from '../../http/bodies/patches.ts'
import { IfMatch, revisionOf, versionTag } from '../../http/etags.ts'
import { withActorNames } from '../../listing/actor-names.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject, IdempotencyKey, PageQuery, pageOf } from '../../openapi/schemas.ts'
import {
  CallbackSecret,
  SecretRotation,
  Webhook,
  WebhookFields,
  WebhookInput,
  WebhookParams,
  WebhookPatch,
  WebhookWithSecret,
} from './schemas.ts'

const patch = describePatch(WebhookPatch, WebhookFields, { filter: { minSeverity: null }, enabled: true })

export const webhookRoutes: FastifyPluginAsyncTypebox<Omit<WebhookParts, keyof View>> = async (app, parts) => {
  const withSecret = async (reply: FastifyReply, webhook: StoredWebhook, secret: string | null) =>
    reply
      .header('cache-control', 'no-store')
      .header('etag', versionTag(webhook))
      .send({ ...(await show(reply.request.view, webhook)), secret })

  app.post(
    '/webhooks',
    {
      config: { scope: 'admin', recentSignIn: true },
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
      const requester = { actor: caller.keyId, idempotencyKey: headers['idempotency-key'] }
      const { webhook, secret } = await createWebhook({ ...parts, ...view }, body, requester)
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
        description: 'Newest first.',
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(Webhook), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const page = await view.stores.webhooks.list(query)
      return linkNext(reply, url, { ...page, items: await showAll(view, page.items) })
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
    async ({ params, view }, reply) => respond(reply, await findWebhook(view.stores, params.id)),
  )

  app.patch(
    '/webhooks/:id',
    {
      config: { scope: 'admin', recentSignIn: true },
      schema: {
        operationId: 'updateWebhook',
        tags: ['webhooks'],
        summary: 'Update a webhook',
        description: '`{"enabled": false}` pauses the webhook; waiting deliveries continue when it is enabled again.',
        params: WebhookParams,
        headers: IfMatch,
        body: patch.body,
        response: { 200: Webhook, ...problems(404, 409, 412, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      const { params, headers, caller, view } = request
      const { authorization, ...body } = request.body as Static<typeof WebhookPatch>
      const update = { id: params.id, authorization, change: patch.changeOf<StoredInput>({ headers, body }) }
      return respond(reply, await updateWebhook({ ...parts, ...view }, update, revisionOf(caller, headers)))
    },
  )

  app.delete(
    '/webhooks/:id',
    {
      config: { scope: 'admin', recentSignIn: true },
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
      await deleteWebhook(view, params.id, caller.keyId)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/callback-secret',
    {
      config: { scope: 'audits:run', limited: true, recentSignIn: true },
      schema: {
        operationId: 'getCallbackSecret',
        tags: ['webhooks'],
        summary: 'Get the callback secret',
        description:
          'Each key has its own secret for the callbacks of its audits, so that the receiver of one key cannot forge callbacks of another. `POST /v1/webhooks/callbacks/rotate-secret` changes the secrets of all keys.',
        response: { 200: CallbackSecret, ...problems() },
      },
    },
    async ({ caller, view: { stores, now } }, reply) => {
      const request = { requester: caller.keyId, now: now() }
      const { secret, previous, previousUntil } = await readCallbackSecrets({ stores, seal: parts.seal }, request)
      return reply.header('cache-control', 'no-store').send({
        secret,
        previousSecret: previous,
        previousSecretUntil: previousUntil?.toISOString() ?? null,
      })
    },
  )

  app.post(
    '/webhooks/:id/rotate-secret',
    {
      config: { scope: 'admin', recentSignIn: true },
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
    async ({ params: { id }, body, caller, view }, reply) => {
      const request = { id, overlapSeconds: body.overlapSeconds, now: view.now() }
      const { webhook, secret } = await rotateSecret({ ...parts, ...view }, request, caller.keyId)
      return withSecret(reply, webhook, id === callbacksId ? null : secret)
    },
  )
}

const showAll = ({ stores }: View, webhooks: readonly StoredWebhook[]): Promise<Static<typeof Webhook>[]> =>
  withActorNames(stores, webhooks.map(fieldsOf), ['requestedBy'])

const show = async (view: View, webhook: StoredWebhook) => required((await showAll(view, [webhook]))[0], 'the webhook')

const fieldsOf = (webhook: StoredWebhook): Omit<Static<typeof Webhook>, 'requestedByName'> => ({
  id: webhook.id,
  ...inputOf(webhook),
  hasAuthorization: webhook.hasAuthorization,
  disabledReason: webhook.disabledReason,
  previousSecretUntil: webhook.previousUntil?.toISOString() ?? null,
  requestedBy: webhook.requestedBy,
  createdAt: webhook.createdAt.toISOString(),
  updatedAt: webhook.updatedAt.toISOString(),
})

const respond = async (reply: FastifyReply, webhook: StoredWebhook) =>
  reply.header('etag', versionTag(webhook)).send(await show(reply.request.view, webhook))
