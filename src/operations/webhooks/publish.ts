import { type EventTraits, passes } from '../../domain/webhooks/delivery-policy.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { OutboxEntry } from '../../store/webhooks/outbox.ts'
import type { Webhook } from '../../store/webhooks/webhooks.ts'
import { newEvent, type Telling, tellTo } from './event.ts'
import { tellAudit } from './publish-audit.ts'

/** Turns an entry of the outbox into deliveries, by who listens now: `webhooks`. */
export async function tell(stores: Stores, entry: OutboxEntry, webhooks: readonly Webhook[]): Promise<Telling> {
  if (entry.kind === 'audit.completed') return tellAudit(stores, entry, webhooks)
  const { kind } = entry
  const { policy } = entry.data
  const traits: EventTraits = typeof policy === 'string' ? { policy } : {}
  const wanted = webhooks.filter(({ events, filter }) => events.includes(kind) && passes(filter, traits))
  return tellTo(
    newEvent(entry.kind, entry.createdAt, entry.data),
    wanted,
    `${entry.kind.split('.')[0]}/${entry.subject}`,
  )
}
