import { chooseReceivers } from '../../../domain/webhooks/receivers.ts'
import { pause } from '../../../runtime/sleep.ts'
import type { Stores } from '../../../store/db/stores.ts'
import { takeLease } from './lease.ts'
import { type SendOptions, sendTurn } from './send-turn.ts'

export interface DelivererOptions extends SendOptions {
  /** Receivers of one key that get callbacks at the same time. */
  receiversPerKey: number
}

const receiversInAll = 64
/** Pause between reads of what waits, if nothing rings. */
const pollEveryMs = 1_000

/** Rings when deliveries may have come. */
export interface Bell {
  readonly rung: Promise<void>
}

/**
 * Sends what is due to a webhook, to each of its receivers by itself, and stores the outcomes. One process delivers to a
 * webhook at a time. Returns when the next delivery is due; undefined where none waits, or another process delivers.
 */
export async function deliver(options: DelivererOptions, webhookId: string, bell: Bell): Promise<Date | undefined> {
  const { stores } = options
  const lease = await takeLease(stores, webhookId)
  if (!lease) return undefined
  try {
    await serveReceivers({ ...options, isHeld: lease.isHeld }, webhookId, bell)
  } finally {
    await lease.release()
  }
  return stores.deliveries.nextAt(webhookId)
}

/** Gives turns to receivers until none has anything to send. */
async function serveReceivers(options: DelivererOptions, webhookId: string, bell: Bell): Promise<void> {
  const { stores, signal, isHeld } = options
  const running = new Map<string, string | null>()
  const turns = new Map<string, Promise<void>>()
  const lastTurn = new Map<string, number>()
  const paused = new Map<string, number>()
  let failure: unknown

  const start = (receiver: string, key: string | null) => {
    running.set(receiver, key)
    const turn = takeTurn(options, webhookId, receiver).then(
      (pauseMs) => void paused.set(receiver, performance.now() + pauseMs),
      (error: unknown) => {
        failure ??= error
      },
    )
    const done = turn.then(() => {
      running.delete(receiver)
      turns.delete(receiver)
      lastTurn.set(receiver, performance.now())
    })
    turns.set(receiver, done)
  }

  for (;;) {
    const { rung } = bell
    const due = failure === undefined && !signal.aborted && isHeld() ? await dueReceivers(stores, webhookId) : []
    const ready = due.filter(({ receiver }) => (paused.get(receiver) ?? 0) <= performance.now())
    const shares = { perKey: options.receiversPerKey, inAll: receiversInAll }
    for (const { receiver, key } of chooseReceivers(ready, { running, lastTurn, shares })) start(receiver, key)
    if (turns.size === 0) break
    const polling = new AbortController()
    await Promise.race([
      ...turns.values(),
      rung.then(() => paused.clear()),
      pause(pollEveryMs, AbortSignal.any([signal, polling.signal])),
    ])
    polling.abort()
    if (signal.aborted || failure !== undefined) await Promise.all(turns.values())
  }
  if (failure !== undefined) throw failure
}

/** Returns the milliseconds until its next turn: one that is down waits for its next try. */
async function takeTurn(options: DelivererOptions, webhookId: string, receiver: string): Promise<number> {
  const isDown = await sendTurn(options, webhookId, receiver)
  const nextAt = isDown ? await options.stores.deliveries.nextAt(webhookId, receiver) : undefined
  return nextAt ? nextAt.getTime() - options.now().getTime() : pollEveryMs
}

const dueReceivers = async (stores: Stores, webhookId: string) =>
  (await stores.webhooks.find(webhookId))?.enabled ? stores.deliveries.dueReceivers(webhookId) : []
