import { randomUUID } from 'node:crypto'
import { type Attempt, settle, type WebhookFormat } from '../../domain/webhooks/delivery-policy.ts'
import type { Stores, Transact } from '../../store/db/stores.ts'
import type { DueDelivery, Settled } from '../../store/webhooks/deliveries.ts'
import { callbacksId } from '../../store/webhooks/webhooks.ts'
import type { Poster } from './http-client.ts'
import { render } from './render.ts'
import type { Seal } from './seal.ts'
import { createSigner, type Signer } from './secrets.ts'

export interface DelivererOptions {
  stores: Stores
  transaction: Transact
  poster: Poster
  seal: Seal
  /** The pause before each further try. */
  retrySeconds: readonly number[]
  /** Says who calls. */
  userAgent: string
  now(): Date
  /** Ends it soon. */
  signal: AbortSignal
}

const dueAtOnce = 500
const lanesAtOnce = 16
const leaseSeconds = 15
const settledAtOnce = 100
/** A receiver that is down is not asked for everything that waits for it. */
const hopelessAfter = 10
/** Then another webhook may have its turn. */
const turnMs = 30_000

/**
 * Sends what is due to a webhook, in the order of each lane and series, and writes down what came of it. One process
 * delivers to a webhook at a time. Answers when there is more to do: now, later, or not at all.
 */
export async function deliver(options: DelivererOptions, webhookId: string): Promise<Date | undefined> {
  const { stores, now } = options
  const by = randomUUID()
  if (!(await stores.webhooks.lease(webhookId, by, leaseSeconds))) return undefined
  let renewal: Promise<unknown> = Promise.resolve()
  const renewing = setInterval(
    () => {
      renewal = stores.webhooks.lease(webhookId, by, leaseSeconds).catch(() => {}) // it lapses, and another takes over
    },
    (leaseSeconds * 1000) / 3,
  )
  let hopeless = false
  try {
    const endsAt = performance.now() + turnMs
    while (performance.now() < endsAt && !options.signal.aborted) {
      const webhook = await stores.webhooks.find(webhookId)
      const secrets = await stores.webhooks.secrets(webhookId)
      const due = await stores.deliveries.due(webhookId, dueAtOnce)
      if (!webhook?.enabled || !secrets || due.length === 0) break
      const bound = { seal: options.seal, webhookId, now: now() }
      const signer = createSigner(secrets, bound)
      hopeless = await sendAll(options, due, { signer, format: webhook.format, webhookId })
      if (hopeless) break
    }
  } finally {
    clearInterval(renewing)
    await renewal
    await stores.webhooks.release(webhookId, by)
  }
  // Whoever came meanwhile with more to do was sent away.
  const more = !hopeless && (await stores.deliveries.due(webhookId, 1)).length > 0
  return more ? now() : stores.deliveries.nextAt(webhookId)
}

interface Round {
  signer: Signer
  format: WebhookFormat
  webhookId: string
}

/** Sends what is due; true where it makes no sense to go on now. */
async function sendAll(
  options: DelivererOptions,
  due: readonly DueDelivery[],
  { signer, format, webhookId }: Round,
): Promise<boolean> {
  const { stores, poster, now, retrySeconds } = options
  let settled: Settled[] = []
  let [delivered, failed, gone] = [0, 0, false]
  const write = async () => {
    const some = settled
    settled = []
    await stores.deliveries.settle(some)
  }
  const hopeless = () => options.signal.aborted || gone || (delivered === 0 && failed >= hopelessAfter)

  /** Sends one after the other until one has to wait. */
  const sendLane = async (lane: readonly DueDelivery[]) => {
    for (const { id, url, signedFor, attempts, event } of lane) {
      if (hopeless()) return
      const triedAt = now()
      const { path, body } = render(format, event.payload)
      const headers = {
        ...signer.headers({ id: event.id, at: triedAt, body, signedFor }),
        'user-agent': options.userAgent,
      }
      const attempt: Attempt = await poster.post({ url: url + path, headers, body })
      const settlement = settle(attempt, { attempts, now: now(), retrySeconds })
      settled.push({ id, triedAt, attempt, settlement })
      if (settlement.status === 'delivered') delivered++
      else failed++
      if (settlement.status === 'dead' && settlement.gone && webhookId !== callbacksId) {
        gone = true
        await disable(options, webhookId)
      }
      if (settled.length >= settledAtOnce) await write()
      if (settlement.status === 'waiting') return
    }
  }

  const lanes = lanesOf(due)
  const workers = Array.from({ length: lanesAtOnce }, async () => {
    for (let lane = lanes.shift(); lane && !hopeless(); lane = lanes.shift()) await sendLane(lane)
  })
  await Promise.all(workers)
  await write()
  return hopeless()
}

const disable = ({ transaction }: DelivererOptions, webhookId: string): Promise<void> =>
  transaction(async ({ webhooks, ledger }) => {
    const reason = 'the receiver answered 410 Gone'
    if (await webhooks.disable(webhookId, reason))
      ledger.record({ actor: 'system', action: 'webhook.disable', subject: webhookId, payload: { reason } })
  })

/** Groups what must stay in order: deliveries that share a lane or a series, directly or by way of others. */
export function lanesOf<D extends Pick<DueDelivery, 'lane' | 'series'>>(due: readonly D[]): D[][] {
  const groupOf = new Map<string, D[]>()
  const groups = new Set<D[]>()
  for (const delivery of due) {
    const keys = [`lane ${delivery.lane}`, ...(delivery.series ? [`series ${delivery.series}`] : [])]
    const known = [...new Set(keys.map((key) => groupOf.get(key)).filter((group) => group !== undefined))]
    const [first = [], ...others] = known
    for (const other of others) {
      first.push(...other)
      groups.delete(other)
      for (const [key, group] of groupOf) if (group === other) groupOf.set(key, first)
    }
    first.push(delivery)
    groups.add(first)
    for (const key of keys) groupOf.set(key, first)
  }
  return [...groups].map((group) => (group.length > 1 ? inOrder(group, due) : group))
}

function inOrder<D>(group: readonly D[], due: readonly D[]): D[] {
  const members = new Set(group)
  return due.filter((delivery) => members.has(delivery))
}
