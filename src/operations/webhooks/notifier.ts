import { v7 as newUuid } from 'uuid'
import type { Database } from '../../store/db/database.ts'
import { callbacksId } from '../../store/webhooks/webhooks.ts'
import { fanOut } from '../events/fan-out.ts'
import { newEvent, type Outgoing } from '../events/message.ts'
import { publishPresence } from '../vantages/presence.ts'
import { type DelivererOptions, deliver } from './deliver.ts'
import { callbackSecret, newSecret, openSecrets } from './secrets.ts'

interface NotifierOptions extends Omit<DelivererOptions, 'now' | 'signal'> {
  /** Queues the delivery of what waits for a webhook, with the transaction, for now or for later. */
  enqueueDelivery(tx: Database, webhookId: string, at?: Date): Promise<void>
  /** Resolves when there may be something to tell, or after `ms`. */
  waitForOutbox(ms: number, signal: AbortSignal): Promise<void>
  onError(error: unknown): void
}

export type Notifier = ReturnType<typeof createNotifier>

const entriesAtOnce = 100
const deliveriesAtOnce = 1_000
/** As long is something at most overlooked that nobody said. */
const pollEveryMs = 15_000

/** Tells webhooks what happened. */
export function createNotifier(options: NotifierOptions) {
  const { stores, transaction, enqueueDelivery, seal } = options
  const stopping = new AbortController()
  const deliverer: DelivererOptions = { ...options, now: () => new Date(), signal: stopping.signal }
  let publication: Promise<void> = Promise.resolve()

  /** Turns what has to be told into deliveries; true where more waits. */
  const publishSome = () =>
    transaction(async (tx, db) => {
      const entries = await tx.outbox.take(entriesAtOnce)
      const told = new Set<string>()
      const webhooks = entries.length > 0 ? await tx.webhooks.enabled() : []
      let waiting: Outgoing = { events: [], deliveries: [] }
      for (const [i, entry] of entries.entries()) {
        const { events, deliveries } = await fanOut(tx, entry, webhooks)
        for (const { webhookId } of deliveries) told.add(webhookId)
        waiting = { events: [...waiting.events, ...events], deliveries: [...waiting.deliveries, ...deliveries] }
        if (waiting.deliveries.length < deliveriesAtOnce && i < entries.length - 1) continue
        await tx.deliveries.add(waiting.events, waiting.deliveries)
        waiting = { events: [], deliveries: [] }
      }
      for (const webhookId of told) await enqueueDelivery(db, webhookId)
      return entries.length === entriesAtOnce
    })

  /** Wakes who delivers to webhooks for which something is due and nobody cares: a process may have died. */
  const wake = () =>
    transaction(async (tx, db) => {
      for (const webhookId of await tx.deliveries.dueWebhooks()) await enqueueDelivery(db, webhookId)
    })

  const publishAll = async () => {
    let wokenAt = Number.NEGATIVE_INFINITY
    let lookedAt = performance.now() // not at once: after a start, agents need a moment to come back
    while (!stopping.signal.aborted) {
      const woken = options.waitForOutbox(pollEveryMs, stopping.signal)
      try {
        while (await publishSome()) {} // each turn takes a bounded number
        if (performance.now() - wokenAt >= pollEveryMs) {
          await wake()
          wokenAt = performance.now()
        }
        if (performance.now() - lookedAt >= pollEveryMs) {
          await transaction(publishPresence)
          lookedAt = performance.now()
        }
      } catch (error) {
        options.onError(error)
      }
      await woken
    }
  }

  return {
    seal,

    /** Makes the webhook of callbacks where it is missing; tells of a key that is not the one of who made it. */
    async prepare(): Promise<void> {
      await stores.webhooks.ensureCallbacks(seal.close(newSecret(), callbacksId))
      const secrets = await stores.webhooks.secrets(callbacksId)
      try {
        if (secrets) seal.open(secrets.secret, callbacksId)
      } catch {
        const hint = 'set the same PORTWARDEN_SECRET_KEY for all processes'
        options.onError(new Error(`the secrets of webhooks were sealed with another key: ${hint}`))
      }
    },

    /** The secret that signs the callbacks of a caller, and the one before it while that signs too. */
    async callbackSecrets(
      caller: string,
    ): Promise<{ secret: string; previous: string | null; previousUntil: Date | null }> {
      const sealed = await stores.webhooks.secrets(callbacksId)
      if (!sealed) throw new Error('there is no webhook of callbacks')
      const opened = openSecrets(sealed, { seal, webhookId: callbacksId, now: new Date() })
      const [secret, previous = null] = opened.map((one) => callbackSecret(one, caller)) as [string, string?]
      return { secret, previous, previousUntil: previous === null ? null : sealed.previousUntil }
    },

    /** Starts to tell, until it is stopped. */
    start(): void {
      publication = publishAll()
    },

    /** Delivers what is due to a webhook, and sees to it that the rest follows. */
    async deliver({ webhookId }: { webhookId: string }): Promise<void> {
      const next = await deliver(deliverer, webhookId)
      if (!next) return
      const webhook = await stores.webhooks.find(webhookId)
      if (webhook?.enabled) await transaction((_, db) => enqueueDelivery(db, webhookId, next))
    },

    /** Goes on with what waits for a webhook, when the transaction has ended. */
    resume: (tx: Database, webhookId: string) => enqueueDelivery(tx, webhookId),

    /** Sends a ping to a webhook; answers the id of the delivery. */
    async ping(webhookId: string): Promise<string> {
      return transaction(async (tx, db) => {
        const event = newEvent('ping', new Date(), { webhook: webhookId })
        const delivery = { webhookId, eventId: event.id, lane: `ping/${newUuid()}` }
        const [id = ''] = await tx.deliveries.add([event], [delivery])
        await enqueueDelivery(db, webhookId)
        return id
      })
    },

    /** Ends what it is doing soon; what is left waits for the next start. */
    async stop(): Promise<void> {
      stopping.abort()
      await publication
    },
  }
}
