import type { WebhookFilter } from '../../domain/webhooks/delivery-policy.ts'
import type { OutboxEvent } from '../../domain/webhooks/events.ts'
import type { PageUrls } from '../../report/page-urls.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Webhook } from '../../store/webhooks/webhooks.ts'
import { findDigest } from '../digests/find-digest.ts'
import type { Scheduler } from '../schedules/tick.ts'
import { addressTo, newEvent, type Outgoing } from './message.ts'

/** Sends a digest to webhooks, each with what its filter lets through; those with the same filter share one event. */
export async function fanOutDigest(
  stores: Stores,
  { data }: OutboxEvent<'digest.daily'>,
  {
    webhooks,
    at,
    pages,
    nextTicks,
  }: { webhooks: readonly Webhook[]; at: Date; pages: PageUrls; nextTicks: Scheduler['next'] },
): Promise<Outgoing> {
  const outgoing: Outgoing = { events: [], deliveries: [] }
  for (const sharing of Map.groupBy(webhooks, ({ filter }) => JSON.stringify(filter)).values()) {
    const filter: WebhookFilter = sharing[0]?.filter ?? {}
    const [from, to] = [new Date(data.from), new Date(data.to)]
    const digest = await findDigest(stores, { from, to, now: at, filter, nextTicks, withVantages: !filter.labels })
    const event = newEvent('digest.daily', at, { ...digest, url: pages.digest(data) })
    const { events, deliveries } = addressTo(event, sharing, `digest/${data.to}`)
    outgoing.events.push(...events)
    outgoing.deliveries.push(...deliveries)
  }
  return outgoing
}
