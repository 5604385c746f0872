import { v7 as newUuid } from 'uuid'
import type { AnyEventType, EventData, EventPayload } from '../../domain/webhooks/events.ts'
import type { NewDelivery, WebhookEvent } from '../../store/webhooks/deliveries.ts'
import type { Webhook } from '../../store/webhooks/webhooks.ts'

/** Events and the deliveries that carry them to webhooks. */
export interface Outgoing {
  events: WebhookEvent[]
  deliveries: NewDelivery[]
}

export const newEvent = <T extends AnyEventType>(type: T, at: Date, data: EventData[T]): WebhookEvent => ({
  id: newUuid(),
  type,
  payload: { type, timestamp: at.toISOString(), data } as EventPayload,
})

/** Addresses an event to webhooks; without webhooks it is dropped. */
export const addressTo = (event: WebhookEvent, webhooks: readonly Webhook[], lane: string): Outgoing =>
  webhooks.length === 0
    ? { events: [], deliveries: [] }
    : { events: [event], deliveries: webhooks.map(({ id }) => ({ webhookId: id, eventId: event.id, lane })) }
