import { type EventTraits, passes } from '../../domain/webhooks/delivery-policy.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { OutboxEntry } from '../../store/webhooks/outbox.ts'
import type { Webhook } from '../../store/webhooks/webhooks.ts'
import { fanOutAudit } from './fan-out-audit.ts'
import { addressTo, newEvent, type Outgoing } from './message.ts'

/** Turns an entry of the outbox into deliveries to those of the enabled `webhooks` that want it. */
export async function fanOut(stores: Stores, entry: OutboxEntry, webhooks: readonly Webhook[]): Promise<Outgoing> {
  if (entry.type === 'audit.completed') return fanOutAudit(stores, entry, webhooks)
  const { type, subject, data, createdAt } = entry
  const traits: EventTraits = 'policy' in data ? { policy: data.policy } : {}
  const receivers = webhooks.filter(({ events, filter }) => events.includes(type) && passes(filter, traits))
  return addressTo(newEvent(type, createdAt, data), receivers, `${type.split('.')[0]}/${subject}`)
}
