import { v7 as newUuid } from 'uuid'
import type { NewDelivery, WebhookEvent } from '../../store/webhooks/deliveries.ts'
import type { Webhook } from '../../store/webhooks/webhooks.ts'

/** What one entry of the outbox makes: events, and who is told of them. */
export interface Publication {
  events: WebhookEvent[]
  deliveries: NewDelivery[]
}

/** Makes an event with an id of its own. */
export const newEvent = (type: WebhookEvent['type'], at: Date, data: Record<string, unknown>): WebhookEvent => ({
  id: newUuid(),
  type,
  payload: { type, timestamp: at.toISOString(), data },
})

/** The same event for each of these webhooks. */
export const addressTo = (event: WebhookEvent, webhooks: readonly Webhook[], lane: string): Publication =>
  webhooks.length === 0
    ? { events: [], deliveries: [] }
    : { events: [event], deliveries: webhooks.map(({ id }) => ({ webhookId: id, eventId: event.id, lane })) }
