import { v7 as newUuid } from 'uuid'
import type { Webhook, WebhookInput } from '../../store/webhooks/webhooks.ts'
import type { Requester } from '../context.ts'
import { claimOnce, goneSince } from '../idempotency.ts'
import { checkDestination } from './destination.ts'
import { newSecret } from './secrets.ts'
import type { WebhookParts } from './webhook.ts'

type WebhookRequest = WebhookInput & { authorization?: string | null | undefined }

/** Creates a webhook. `secret` is null where an Idempotency-Key returns a webhook that was created before. */
export async function createWebhook(
  parts: Omit<WebhookParts, 'enqueueDelivery'>,
  request: WebhookRequest,
  requester: Requester,
): Promise<{ webhook: Webhook; secret: string | null }> {
  const { seal, transaction } = parts
  const { authorization, ...input } = request
  const { actor } = requester
  checkDestination(parts, input.url, '/url')
  return transaction(async (tx) => {
    const id = newUuid()
    const claimed = { request: { operation: 'createWebhook', ...request }, resource: id }
    const resource = await claimOnce(tx, requester, claimed)
    if (resource !== id) {
      const earlier = await tx.webhooks.find(resource)
      if (!earlier) throw goneSince(`the webhook ${resource}`)
      return { webhook: earlier, secret: null }
    }
    const secret = newSecret()
    const webhook = await tx.webhooks.create(id, input, {
      secret: seal.close(secret, id),
      authorization: authorization ? seal.close(authorization, id) : null,
      requestedBy: actor,
    })
    tx.ledger.record({ actor, action: 'webhook.create', subject: id, payload: input })
    return { webhook, secret }
  })
}
