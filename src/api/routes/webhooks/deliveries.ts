import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import { pingWebhook } from '../../../operations/webhooks/ping.ts'
import { findDelivery, redeliver } from '../../../operations/webhooks/redeliver.ts'
import { findWebhook } from '../../../operations/webhooks/webhook.ts'
import type { Delivery as StoredDelivery } from '../../../store/webhooks/deliveries.ts'
import type { ServerParts } from '../../context.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { pageOf } from '../../openapi/schemas.ts'
import { Delivery, DeliveryParams, DeliveryQuery, type EventName, WebhookParams } from './schemas.ts'

export const deliveryRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'enqueueDelivery'>> = async (
  app,
  { enqueueDelivery },
) => {
  app.post(
    '/webhooks/:id/ping',
    {
      config: { scope: 'admin', recentSignIn: true },
      schema: {
        operationId: 'pingWebhook',
        tags: ['webhooks'],
        summary: 'Ping a webhook',
        description: 'Sends the event `ping`.',
        params: WebhookParams,
        response: { 202: Delivery, ...problems(404, 409) },
      },
    },
    async ({ params: { id }, view }, reply) => {
      const deliveryId = await pingWebhook({ ...view, enqueueDelivery }, id)
      reply.header('location', `/v1/webhooks/${id}/deliveries/${deliveryId}`)
      return reply.code(202).send(show(await findDelivery(view.stores, { id, deliveryId })))
    },
  )

  app.get(
    '/webhooks/:id/deliveries',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'listDeliveries',
        tags: ['webhooks'],
        summary: 'List the deliveries of a webhook',
        description: 'Newest first.',
        params: WebhookParams,
        querystring: DeliveryQuery,
        response: { 200: pageOf(Delivery), ...problems(404) },
      },
    },
    async ({ params, query, url, view: { stores } }, reply) => {
      await findWebhook(stores, params.id)
      const { event: type, ...filter } = query
      const page = await stores.deliveries.list(params.id, { ...filter, type })
      return linkNext(reply, url, { ...page, items: page.items.map(show) })
    },
  )

  app.get(
    '/webhooks/:id/deliveries/:deliveryId',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'getDelivery',
        tags: ['webhooks'],
        summary: 'Get a delivery',
        description: 'The delivery with its last attempt.',
        params: DeliveryParams,
        response: { 200: Delivery, ...problems(404) },
      },
    },
    async ({ params, view }) => show(await findDelivery(view.stores, params)),
  )

  app.post(
    '/webhooks/:id/deliveries/:deliveryId/redeliver',
    {
      config: { scope: 'admin', recentSignIn: true },
      schema: {
        operationId: 'redeliver',
        tags: ['webhooks'],
        summary: 'Repeat a delivery',
        description:
          'Starts all attempts again. Refused with 409 if a newer delivery about the same finding, vantage, window or schedule exists: redeliver that one. The delivery keeps its `webhook-id`, so that the receiver can detect duplicates.',
        params: DeliveryParams,
        response: { 202: Delivery, ...problems(404, 409) },
      },
    },
    async ({ params, view }, reply) => {
      const delivery = await redeliver({ ...view, enqueueDelivery }, params)
      reply.header('location', `/v1/webhooks/${params.id}/deliveries/${params.deliveryId}`)
      return reply.code(202).send(show(delivery))
    },
  )
}

const show = ({ triedAt, ...delivery }: StoredDelivery) => ({
  id: delivery.id,
  messageId: delivery.eventId,
  event: delivery.type as Static<typeof EventName>,
  url: delivery.url,
  status: delivery.status,
  attempts: delivery.attempts,
  createdAt: delivery.createdAt.toISOString(),
  nextAttemptAt: delivery.nextAt?.toISOString() ?? null,
  lastAttempt: triedAt && {
    at: triedAt.toISOString(),
    durationMs: delivery.durationMs ?? 0,
    httpStatus: delivery.httpStatus,
    error: delivery.error,
  },
})
