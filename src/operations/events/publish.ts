import { auditEventTypes, type EventType, type OutboxEvent } from '../../domain/webhooks/events.ts'
import type { Stores } from '../../store/db/stores.ts'

/** Publishes events in the transaction of what happened, in their order. Webhooks get those that one of them wants. */
export async function publish(tx: Stores, events: readonly OutboxEvent[]): Promise<void> {
  if (events.length === 0) return
  // The end of an audit has a notification of its own. What a digest says depends on the settings of a webhook.
  const others = events.filter(({ type }) => type !== 'audit.completed' && type !== 'digest.daily')
  if (others.length > 0) await tx.outbox.announce(others, new Date())
  const subscribed = await tx.webhooks.subscribedEvents()
  const wanted = events.filter((event) => isWanted(event, subscribed))
  if (wanted.length > 0) await tx.outbox.add(wanted)
}

function isWanted(event: OutboxEvent, subscribed: ReadonlySet<EventType>): boolean {
  if (event.type !== 'audit.completed') return subscribed.has(event.type)
  return event.data.hasCallback || auditEventTypes.some((type) => subscribed.has(type))
}
