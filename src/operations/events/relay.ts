import type { Parts, View } from '../context.ts'
import { collapseBacklog } from '../webhooks/delivery/collapse-backlog.ts'
import { fanOut } from './fan-out.ts'
import type { Subscribers } from './fan-out-audit.ts'
import type { Outgoing } from './message.ts'

type RelayParts = Pick<View, 'transaction'> & Pick<Parts, 'enqueueDelivery'>
type FanOutParts = RelayParts & Omit<Subscribers, 'webhooks'>

const entriesPerTransaction = 100
const deliveriesPerStatement = 1_000

/** Turns outbox entries into deliveries; true when more wait. */
export const relayEntries = ({ transaction, enqueueDelivery, ...rest }: FanOutParts): Promise<boolean> =>
  transaction(async (tx, database) => {
    const entries = await tx.outbox.take(entriesPerTransaction)
    const webhooks = entries.length > 0 ? await tx.webhooks.all() : []
    const receivers = new Set<string>()
    let waiting: Outgoing = { events: [], deliveries: [] }
    for (const [i, entry] of entries.entries()) {
      const { events, deliveries } = await fanOut(tx, entry, { webhooks, ...rest })
      for (const { webhookId } of deliveries) receivers.add(webhookId)
      waiting = { events: [...waiting.events, ...events], deliveries: [...waiting.deliveries, ...deliveries] }
      if (waiting.deliveries.length < deliveriesPerStatement && i < entries.length - 1) continue
      await tx.deliveries.add(waiting.events, waiting.deliveries)
      waiting = { events: [], deliveries: [] }
    }
    for (const { id, enabled } of webhooks) {
      if (!receivers.has(id)) continue
      if (enabled) await enqueueDelivery(database, id)
      else await collapseBacklog(tx, id) // what waits for it stays small
    }
    return entries.length === entriesPerTransaction
  })

/** Queues the delivery of what is due to webhooks that no process delivers to: a process may have died. */
export const wakeDeliveries = ({ transaction, enqueueDelivery }: RelayParts): Promise<void> =>
  transaction(async (tx, database) => {
    for (const webhookId of await tx.deliveries.dueWebhooks()) await enqueueDelivery(database, webhookId)
  })
