import { auditEventTypes, type EventType, type OutboxEvent } from '../../domain/webhooks/events.ts'
import type { Stores } from '../../store/db/stores.ts'

/** Publishes events in the transaction of what happened, in their order. Events without a subscriber are dropped. */
export async function publish(tx: Stores, events: readonly OutboxEvent[]): Promise<void> {
  if (events.length === 0) return
  const subscribed = await tx.webhooks.subscribedEvents()
  const wanted = events.filter((event) => isWanted(event, subscribed))
  if (wanted.length > 0) await tx.outbox.add(wanted)
}

function isWanted(event: OutboxEvent, subscribed: ReadonlySet<EventType>): boolean {
  if (event.type !== 'audit.completed') return subscribed.has(event.type)
  return event.data.hasCallback || auditEventTypes.some((type) => subscribed.has(type))
}
