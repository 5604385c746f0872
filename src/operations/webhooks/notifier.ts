import type { PageUrls } from '../../report/page-urls.ts'
import type { Parts } from '../context.ts'
import { relayEntries, wakeDeliveries } from '../events/relay.ts'
import type { Scheduler } from '../schedules/tick.ts'
import { publishPresence } from '../vantages/presence.ts'
import { type Bell, type DelivererOptions, deliver } from './delivery/deliver.ts'

interface NotifierOptions extends Omit<DelivererOptions, 'signal' | 'isHeld'>, Pick<Parts, 'enqueueDelivery'> {
  /** Of the URL under which clients reach the service. */
  pathPrefix: string
  pages: PageUrls
  nextTicks: Scheduler['next']
  /** Resolves when the outbox may have entries, or after `ms`. */
  waitForOutbox(ms: number, signal: AbortSignal): Promise<void>
  onError(error: unknown): void
}

export type Notifier = ReturnType<typeof createNotifier>

/** Longest delay when a NOTIFY is lost. */
const pollEveryMs = 15_000

/** Relays the outbox to webhooks and delivers to them. */
export function createNotifier(options: NotifierOptions) {
  const { transaction } = options
  const stopping = new AbortController()
  const deliveries = createDeliveries(options, stopping.signal)
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

    /** Starts to send what is due to a webhook, beside others: a slow receiver occupies no worker of the queue. */
    async deliver({ webhookId }: { webhookId: string }): Promise<void> {
      deliveries.wake(webhookId)
    },

    /** Ends soon; undelivered events wait for the next start. */
    async stop(): Promise<void> {
      stopping.abort()
      await Promise.all([relaying, deliveries.ended()])
    },
  }
}

/** The webhooks that this process delivers to. */
function createDeliveries(options: NotifierOptions, signal: AbortSignal) {
  const { stores, transaction, enqueueDelivery } = options
  const running = new Map<string, { ring(): void; done: Promise<void> }>()
  const deliverer = { ...options, signal, isHeld: () => true }

  const start = (webhookId: string) => {
    let bell = Promise.withResolvers<void>()
    let isRung = true
    const ring = () => {
      isRung = true
      bell.resolve()
      bell = Promise.withResolvers()
    }
    const shown: Bell = {
      get rung() {
        return bell.promise
      },
    }
    const run = async () => {
      let next: Date | undefined
      while (isRung && !signal.aborted) {
        isRung = false
        next = await deliver(deliverer, webhookId, shown)
      }
      const webhook = next && (await stores.webhooks.find(webhookId))
      if (webhook?.enabled) await transaction((_, database) => enqueueDelivery(database, webhookId, next))
    }
    const done = run()
      .catch(options.onError) // what waits is woken again soon
      .finally(() => {
        running.delete(webhookId)
        if (isRung) wake(webhookId)
      })
    running.set(webhookId, { ring, done })
  }

  const wake = (webhookId: string): void => {
    if (signal.aborted) return
    const active = running.get(webhookId)
    if (active) active.ring()
    else start(webhookId)
  }

  return {
    wake,
    async ended(): Promise<void> {
      await Promise.all([...running.values()].map(({ done }) => done))
    },
  }
}
