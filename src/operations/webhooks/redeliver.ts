import { ConflictError, NotFoundError } from '../../domain/errors.ts'
import { redeliveryObstacle } from '../../domain/webhooks/alerts.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Delivery } from '../../store/webhooks/deliveries.ts'
import { findWebhook, type WebhookParts } from './webhook.ts'

/** Names one delivery of one webhook. */
export interface DeliveryKey {
  id: string
  deliveryId: string
}

/** Throws NotFoundError where there is no such webhook or delivery. */
export async function findDelivery(stores: Stores, { id, deliveryId }: DeliveryKey): Promise<Delivery> {
  await findWebhook(stores, id)
  const delivery = await stores.deliveries.find(id, deliveryId)
  if (!delivery) throw new NotFoundError(`there is no delivery ${deliveryId} of this webhook`)
  return delivery
}

/**
 * Sends a delivery once more, with all its tries. Throws ConflictError while it still waits for a try, and where a newer one
 * reports the same: an alert that is resolved must not be opened again.
 */
export async function redeliver(
  { stores, transaction, enqueueDelivery }: Pick<WebhookParts, 'stores' | 'transaction' | 'enqueueDelivery'>,
  key: DeliveryKey,
): Promise<Delivery> {
  await findDelivery(stores, key)
  return transaction(async (tx, database) => {
    await tx.outbox.holdOrder()
    const { status } = await findDelivery(tx, key)
    const obstacle = redeliveryObstacle(status, await tx.alerts.isNewest(key.id, key.deliveryId))
    if (obstacle !== undefined) throw new ConflictError(obstacle)
    await tx.deliveries.redeliver(key.id, key.deliveryId)
    await enqueueDelivery(database, key.id)
    return findDelivery(tx, key) // after the transaction it may have been tried
  })
}
