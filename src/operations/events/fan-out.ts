import { type EventTraits, passes } from '../../domain/webhooks/delivery-policy.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { OutboxEntry } from '../../store/webhooks/outbox.ts'
import { fanOutAudit, type Subscribers } from './fan-out-audit.ts'
import { fanOutDigest } from './fan-out-digest.ts'
import { addressTo, newEvent, type Outgoing } from './message.ts'

/** Turns an entry of the outbox into deliveries to the webhooks that want it. Audits and digests are reported to enabled ones only. */
export async function fanOut(stores: Stores, entry: OutboxEntry, subscribers: Subscribers): Promise<Outgoing> {
  if (entry.type === 'audit.completed') {
    const enabled = subscribers.webhooks.filter((webhook) => webhook.enabled)
    return fanOutAudit(stores, entry, { ...subscribers, webhooks: enabled })
  }
  if (entry.type === 'digest.daily') {
    const webhooks = subscribers.webhooks.filter(({ enabled, events }) => enabled && events.includes('digest.daily'))
    return fanOutDigest(stores, entry, { ...subscribers, webhooks, at: entry.createdAt })
  }
  const { type, subject, data: kept, createdAt } = entry
  const auditUrl = 'audit' in kept && kept.audit !== null ? subscribers.pages.audit(kept.audit) : null
  const data = 'audit' in kept ? { ...kept, auditUrl } : kept
  const traits: EventTraits = 'policy' in data ? { policy: data.policy } : {}
  const receivers = subscribers.webhooks.filter(({ events, filter }) => events.includes(type) && passes(filter, traits))
  return addressTo(newEvent(type, createdAt, data), receivers, `${type.split('.')[0]}/${subject}`)
}
