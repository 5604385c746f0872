import type { Parts } from '../context.ts'
import { relayEntries, wakeDeliveries } from '../events/relay.ts'
import { publishPresence } from '../vantages/presence.ts'
import { type DelivererOptions, deliver } from './delivery/deliver.ts'

interface NotifierOptions extends Omit<DelivererOptions, 'signal'>, Pick<Parts, 'enqueueDelivery'> {
  /** Resolves when the outbox may have entries, or after `ms`. */
  waitForOutbox(ms: number, signal: AbortSignal): Promise<void>
  onError(error: unknown): void
}

export type Notifier = ReturnType<typeof createNotifier>

/** Longest delay when a NOTIFY is lost. */
const pollEveryMs = 15_000

/** Relays the outbox to webhooks and delivers to them. */
export function createNotifier(options: NotifierOptions) {
  const { stores, transaction, enqueueDelivery } = options
  const stopping = new AbortController()
  const deliverer: DelivererOptions = { ...options, signal: stopping.signal }
  let relaying: Promise<void> = Promise.resolve()

  const relay = async () => {
    let wokenAt = Number.NEGATIVE_INFINITY
    let presenceAt = performance.now() // not before the first pause: after a start, agents need time to come back
    while (!stopping.signal.aborted) {
      const notified = options.waitForOutbox(pollEveryMs, stopping.signal)
      try {
        while (await relayEntries(options)) {} // each turn relays a bounded number of entries
        if (performance.now() - wokenAt >= pollEveryMs) {
          await wakeDeliveries(options)
          wokenAt = performance.now()
        }
        if (performance.now() - presenceAt >= pollEveryMs) {
          await transaction(publishPresence)
          presenceAt = performance.now()
        }
      } catch (error) {
        options.onError(error)
      }
      await notified
    }
  }

  return {
    /** Relays until it is stopped. */
    start(): void {
      relaying = relay()
    },

    /** Sends due deliveries, and queues the next one. */
    async deliver({ webhookId }: { webhookId: string }): Promise<void> {
      const next = await deliver(deliverer, webhookId)
      if (!next) return
      const webhook = await stores.webhooks.find(webhookId)
      if (webhook?.enabled) await transaction((_, database) => enqueueDelivery(database, webhookId, next))
    },

    /** Ends soon; undelivered events wait for the next start. */
    async stop(): Promise<void> {
      stopping.abort()
      await relaying
    },
  }
}
