import { type EventTraits, passes } from '../../domain/webhooks/delivery-policy.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { OutboxEntry } from '../../store/webhooks/outbox.ts'
import type { Webhook } from '../../store/webhooks/webhooks.ts'
import { addressTo, newEvent, type Publication } from './event.ts'
import { publishAudit } from './publish-audit.ts'

/** Turns an entry of the outbox into deliveries, by who listens now: `webhooks`. */
export async function publish(stores: Stores, entry: OutboxEntry, webhooks: readonly Webhook[]): Promise<Publication> {
  if (entry.kind === 'audit.completed') return publishAudit(stores, entry, webhooks)
  const { kind } = entry
  const { policy } = entry.data
  const traits: EventTraits = typeof policy === 'string' ? { policy } : {}
  const wanted = webhooks.filter(({ events, filter }) => events.includes(kind) && passes(filter, traits))
  return addressTo(
    newEvent(entry.kind, entry.createdAt, entry.data),
    wanted,
    `${entry.kind.split('.')[0]}/${entry.subject}`,
  )
}
