import type { WebhookFormat } from '../../domain/webhooks/delivery-policy.ts'
import { noticeOf } from '../../report/alerts/alert.ts'
import { toJiraAlert } from '../../report/alerts/jira-ops.ts'
import { toServiceNowEvents } from '../../report/alerts/service-now.ts'
import type { WebhookEvent } from '../../store/webhooks/deliveries.ts'

/** A request as a receiver of this format wants it: what follows the URL of the webhook, and the body. */
interface Rendered {
  path: string
  body: string
}

const formats: Record<WebhookFormat, (payload: WebhookEvent['payload']) => { path: string; body: unknown }> = {
  standard: (payload) => ({ path: '', body: payload }),
  'servicenow-em': (payload) => ({ path: '', body: toServiceNowEvents(noticeOf(payload)) }),
  'jira-ops': (payload) => toJiraAlert(noticeOf(payload)),
}

/** Writes an event in a format. The same event gives the same text at each try. */
export function render(format: WebhookFormat, { payload }: WebhookEvent): Rendered {
  const { path, body } = formats[format](payload)
  return { path, body: JSON.stringify(body) }
}
