import { v7 as newUuid } from 'uuid'
import { ConflictError } from '../../domain/errors.ts'
import { callbacksId } from '../../store/webhooks/webhooks.ts'
import { newEvent } from '../events/message.ts'
import { findWebhook, noSuchWebhook, type WebhookParts } from './webhook.ts'

/** Sends a ping to a webhook; returns the id of the delivery. Throws ConflictError for a webhook that is disabled. */
export async function pingWebhook(
  { stores, transaction, enqueueDelivery }: Pick<WebhookParts, 'stores' | 'transaction' | 'enqueueDelivery'>,
  id: string,
): Promise<string> {
  const { enabled } = await findWebhook(stores, id)
  if (id === callbacksId) throw new ConflictError(`${callbacksId} has no URL of its own`)
  if (!enabled) throw new ConflictError('the webhook is disabled')
  return transaction(async (tx, database) => {
    const event = newEvent('ping', new Date(), { webhook: id })
    const delivery = { webhookId: id, eventId: event.id, lane: `ping/${newUuid()}` }
    const [deliveryId] = await tx.deliveries.add([event], [delivery])
    if (deliveryId === undefined) throw noSuchWebhook(id) // removed since it was read
    await enqueueDelivery(database, id)
    return deliveryId
  })
}
