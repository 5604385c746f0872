import { ConflictError, StaleError } from '../../domain/errors.ts'
import { callbacksId, type Webhook } from '../../store/webhooks/webhooks.ts'
import type { Revision } from '../context.ts'
import { checkDestination } from './destination.ts'
import { findWebhook, inputOf, type WebhookParts, type WebhookUpdate } from './webhook.ts'

/** Changes fields; an enabled webhook resumes its waiting deliveries, and dead letters that close an alert. Throws StaleError for an unexpected row. */
export async function updateWebhook(
  parts: WebhookParts,
  { id, change, authorization }: WebhookUpdate,
  { actor, isExpected }: Revision,
): Promise<Webhook> {
  const { stores, transaction, seal, enqueueDelivery } = parts
  const current = await findWebhook(stores, id)
  if (id === callbacksId) throw new ConflictError(`${callbacksId} cannot be changed; only its secret can be rotated`)
  if (!isExpected(current)) throw new StaleError()
  const input = change(inputOf(current))
  if (input.url !== current.url) checkDestination(parts, input.url, '/url')
  const sealed = authorization ? seal.close(authorization, id) : null
  const more = { version: current.version, ...(authorization !== undefined && { authorization: sealed }) }
  return transaction(async (tx, database) => {
    await tx.outbox.holdOrder()
    const webhook = await tx.webhooks.replace(id, input, more)
    if (!webhook) throw new StaleError()
    const payload = { ...inputOf(webhook), hasAuthorization: webhook.hasAuthorization }
    tx.ledger.record({ actor, action: 'webhook.change', subject: id, payload })
    await tx.tickets.keepOpened(id, current.openAfter, webhook.openAfter)
    if (webhook.enabled) {
      await tx.alerts.reviveClearing(id)
      await enqueueDelivery(database, id)
    }
    return webhook
  })
}
