import type { WebhookFormat } from '../domain/webhooks.ts'
import type { WebhookEvent } from '../store/deliveries.ts'

/** A request as a receiver of this format wants it: what follows the URL of the webhook, and the body. */
export interface Rendered {
  path: string
  body: string
}

/** Writes an event in a format. The same event gives the same text at each try. */
export function render(_format: WebhookFormat, { payload }: WebhookEvent): Rendered {
  return { path: '', body: JSON.stringify(payload) }
}
