import type { WebhookFormat } from '../../../domain/webhooks/delivery-policy.ts'
import type { EventPayload } from '../../../domain/webhooks/events.ts'
import { toAlert } from '../../../report/alerts/alert.ts'
import { toJiraAlert } from '../../../report/alerts/jira-ops.ts'
import { toServiceNowEvents } from '../../../report/alerts/service-now.ts'

/** A request in the format of its receiver. */
interface Rendered {
  /** Is appended to the URL of the webhook. */
  path: string
  body: string
}

const formats: Record<WebhookFormat, (payload: EventPayload) => { path: string; body: unknown }> = {
  standard: (payload) => ({ path: '', body: payload }),
  'servicenow-em': (payload) => ({ path: '', body: toServiceNowEvents(toAlert(payload)) }),
  'jira-ops': (payload) => toJiraAlert(toAlert(payload)),
}

/** Writes an event in a format. The same event gives the same text at each try. */
export function render(format: WebhookFormat, payload: EventPayload): Rendered {
  const { path, body } = formats[format](payload)
  return { path, body: JSON.stringify(body) }
}
