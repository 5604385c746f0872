import type { Webhook } from '../../store/webhooks/webhooks.ts'
import { newSecret } from './secrets.ts'
import { noSuchWebhook, type WebhookParts } from './webhook.ts'

/** Replaces the signing secret; the one before signs too for `overlapSeconds`. Throws NotFoundError. */
export async function rotateSecret(
  { transaction, seal }: Pick<WebhookParts, 'transaction' | 'seal'>,
  { id, overlapSeconds, now }: { id: string; overlapSeconds: number; now: Date },
  actor: string,
): Promise<{ webhook: Webhook; secret: string }> {
  const secret = newSecret()
  const until = new Date(now.getTime() + overlapSeconds * 1000)
  const webhook = await transaction(async (tx) => {
    const rotated = await tx.webhooks.rotate(id, seal.close(secret, id), until)
    if (!rotated) throw noSuchWebhook(id)
    tx.ledger.record({ actor, action: 'webhook.rotate', subject: id, payload: { overlapSeconds } })
    return rotated
  })
  return { webhook, secret }
}
