import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import { ConflictError, NotFoundError } from '../../../domain/errors.ts'
import type { Delivery as StoredDelivery } from '../../../store/webhooks/deliveries.ts'
import { callbacksId } from '../../../store/webhooks/webhooks.ts'
import type { ServerParts, View } from '../../context.ts'
import { linkNext } from '../../listing/links.ts'
import { problems } from '../../openapi/responses.ts'
import { pageOf } from '../../openapi/schemas.ts'
import { Delivery, DeliveryParams, DeliveryQuery, type EventName, WebhookParams } from './schemas.ts'

export const deliveryRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'notifier'>> = async (app, { notifier }) => {
  const findWebhook = async ({ stores }: View, id: string) => {
    const webhook = await stores.webhooks.find(id)
    if (!webhook) throw new NotFoundError(`there is no webhook ${id}`)
    return webhook
  }
  const find = async (view: View, { id, deliveryId }: Static<typeof DeliveryParams>) => {
    await findWebhook(view, id)
    const delivery = await view.stores.deliveries.find(id, deliveryId)
    if (!delivery) throw new NotFoundError(`there is no delivery ${deliveryId} of this webhook`)
    return delivery
  }

  app.post(
    '/webhooks/:id/ping',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'pingWebhook',
        tags: ['webhooks'],
        summary: 'Ping a webhook',
        params: WebhookParams,
        response: { 202: Delivery, ...problems(404, 409) },
      },
    },
    async ({ params, view }, reply) => {
      const { id, enabled } = await findWebhook(view, params.id)
      if (id === callbacksId) throw new ConflictError(`${callbacksId} leads nowhere by itself`)
      if (!enabled) throw new ConflictError('the webhook is disabled')
      const deliveryId = await notifier.ping(id)
      reply.header('location', `/v1/webhooks/${id}/deliveries/${deliveryId}`)
      return reply.code(202).send(show(await find(view, { id, deliveryId })))
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
        params: WebhookParams,
        querystring: DeliveryQuery,
        response: { 200: pageOf(Delivery), ...problems(404) },
      },
    },
    async ({ params, query, url, view }, reply) => {
      await findWebhook(view, params.id)
      const { event: type, ...filter } = query
      const page = await view.stores.deliveries.list(params.id, { ...filter, type })
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
        params: DeliveryParams,
        response: { 200: Delivery, ...problems(404) },
      },
    },
    async ({ params, view }) => show(await find(view, params)),
  )

  app.post(
    '/webhooks/:id/deliveries/:deliveryId/redeliver',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'redeliver',
        tags: ['webhooks'],
        summary: 'Repeat a delivery',
        description:
          'Starts all attempts again. The delivery keeps its `webhook-id`, so that the receiver can detect duplicates.',
        params: DeliveryParams,
        response: { 202: Delivery, ...problems(404, 409) },
      },
    },
    async ({ params, view }, reply) => {
      await find(view, params)
      const again = await view.transaction(async (tx, db) => {
        if (!(await tx.deliveries.redeliver(params.id, params.deliveryId))) return undefined
        await notifier.resume(db, params.id)
        return tx.deliveries.find(params.id, params.deliveryId) // afterwards it may have been tried
      })
      if (!again) throw new ConflictError('the delivery is under way')
      reply.header('location', `/v1/webhooks/${params.id}/deliveries/${params.deliveryId}`)
      return reply.code(202).send(show(again))
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
