import { randomUUID } from 'node:crypto'
import { type Attempt, settle, type WebhookFormat } from '../../../domain/webhooks/delivery-policy.ts'
import type { Stores, Transact } from '../../../store/db/stores.ts'
import type { DueDelivery, Settled } from '../../../store/webhooks/deliveries.ts'
import { callbacksId } from '../../../store/webhooks/webhooks.ts'
import type { Seal } from '../seal.ts'
import type { Poster } from './http-client.ts'
import { lanesOf } from './lanes.ts'
import { render } from './render.ts'
import { createSigner, type Signer } from './signer.ts'

export interface DelivererOptions {
  stores: Stores
  transaction: Transact
  poster: Poster
  seal: Seal
  /** The pauses before the second try and each further one. */
  retrySeconds: readonly number[]
  userAgent: string
  now(): Date
  /** Ends the delivery soon. */
  signal: AbortSignal
}

const duePerRound = 500
const lanesInParallel = 16
const leaseSeconds = 15
const settledPerStatement = 100
/** Failures after which the receiver counts as down. */
const downAfter = 10
/** After this time another webhook may have its turn. */
const turnMs = 30_000

/**
 * Sends what is due to a webhook, in the order of each lane and series, and stores the outcomes. One process delivers to a
 * webhook at a time. Returns when the next delivery is due; undefined where none waits.
 */
export async function deliver(options: DelivererOptions, webhookId: string): Promise<Date | undefined> {
  const { stores, now } = options
  const by = randomUUID()
  if (!(await stores.webhooks.lease(webhookId, by, leaseSeconds))) return undefined
  let renewal: Promise<unknown> = Promise.resolve()
  const renewing = setInterval(
    () => {
      renewal = stores.webhooks.lease(webhookId, by, leaseSeconds).catch(() => {}) // it expires, and another takes over
    },
    (leaseSeconds * 1000) / 3,
  )
  let isDown = false
  try {
    const endsAt = performance.now() + turnMs
    while (performance.now() < endsAt && !options.signal.aborted) {
      const webhook = await stores.webhooks.find(webhookId)
      const secrets = await stores.webhooks.secrets(webhookId)
      const due = await stores.deliveries.due(webhookId, duePerRound)
      if (!webhook?.enabled || !secrets || due.length === 0) break
      const signer = createSigner(secrets, { seal: options.seal, webhookId, now: now() })
      isDown = await sendAll(options, due, { signer, format: webhook.format, webhookId })
      if (isDown) break
    }
  } finally {
    clearInterval(renewing)
    await renewal
    await stores.webhooks.release(webhookId, by)
  }
  // A job that came while the lease was held returned without delivering.
  const more = !isDown && (await stores.deliveries.due(webhookId, 1)).length > 0
  return more ? now() : stores.deliveries.nextAt(webhookId)
}

interface Round {
  signer: Signer
  format: WebhookFormat
  webhookId: string
}

/** Sends due deliveries; true when more would fail now. */
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
  const isDown = () => options.signal.aborted || gone || (delivered === 0 && failed >= downAfter)

  /** Sends one delivery after the other until one has to wait for its next try. */
  const sendLane = async (lane: readonly DueDelivery[]) => {
    for (const { id, url, signedFor, attempts, event } of lane) {
      if (isDown()) return
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
      if (settled.length >= settledPerStatement) await write()
      if (settlement.status === 'waiting') return
    }
  }

  const lanes = lanesOf(due)
  const workers = Array.from({ length: lanesInParallel }, async () => {
    for (let lane = lanes.shift(); lane && !isDown(); lane = lanes.shift()) await sendLane(lane)
  })
  await Promise.all(workers)
  await write()
  return isDown()
}

const disable = ({ transaction }: DelivererOptions, webhookId: string): Promise<void> =>
  transaction(async ({ webhooks, ledger }) => {
    const reason = 'the receiver responded 410 Gone'
    if (await webhooks.disable(webhookId, reason))
      ledger.record({ actor: 'system', action: 'webhook.disable', subject: webhookId, payload: { reason } })
  })
