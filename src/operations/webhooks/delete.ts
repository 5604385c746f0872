import { ConflictError } from '../../domain/errors.ts'
import { callbacksId } from '../../store/webhooks/webhooks.ts'
import type { View } from '../context.ts'
import { findWebhook } from './webhook.ts'

/** Deletes a webhook with its deliveries. Throws NotFoundError, and ConflictError for the webhook of callbacks. */
export async function deleteWebhook({ stores, transaction }: View, id: string, actor: string): Promise<void> {
  await findWebhook(stores, id)
  if (id === callbacksId) throw new ConflictError(`${callbacksId} cannot be deleted; only its secret can be rotated`)
  await transaction(async (tx) => {
    await tx.webhooks.remove(id)
    tx.ledger.record({ actor, action: 'webhook.delete', subject: id, payload: {} })
  })
}
