import { type Attempt, settle, type WebhookFormat } from '../../../domain/webhooks/delivery-policy.ts'
import type { Stores, Transact } from '../../../store/db/stores.ts'
import type { DueDelivery, Settled } from '../../../store/webhooks/deliveries.ts'
import { callbacksId } from '../../../store/webhooks/webhooks.ts'
import type { Seal } from '../seal.ts'
import { collapseBacklog } from './collapse-backlog.ts'
import type { Poster } from './http-client.ts'
import { lanesOf } from './lanes.ts'
import { render } from './render.ts'
import { createSigner, type Signer } from './signer.ts'

export interface SendOptions {
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
  /** Whether this process alone may send to the webhook. */
  isHeld(): boolean
}

const duePerRound = 500
const settledPerStatement = 100
/** Requests at the same time, and failures after which a receiver counts as down. */
const ofWebhook = { lanes: 16, downAfter: 10 }
const ofCallbacks = { lanes: 4, downAfter: 4 }

/** Sends what is due to one receiver, in the order of each lane and series; true where it is down. */
export async function sendTurn(options: SendOptions, webhookId: string, receiver: string): Promise<boolean> {
  const { stores, now } = options
  while (!options.signal.aborted && options.isHeld()) {
    await collapseBacklog(stores, webhookId)
    const due = await stores.deliveries.due(webhookId, receiver, duePerRound)
    if (due.length === 0) return false
    // After what is due: an event that follows a change of the webhook is sent as changed.
    const webhook = await stores.webhooks.find(webhookId)
    const secrets = await stores.webhooks.secrets(webhookId)
    if (!webhook?.enabled || !secrets) return false
    const signer = createSigner(secrets, { seal: options.seal, webhookId, now: now() })
    if (await sendAll(options, due, { signer, format: webhook.format, webhookId })) return true
  }
  return false
}

interface Round {
  signer: Signer
  format: WebhookFormat
  webhookId: string
}

/** Sends due deliveries; true when more would fail now. */
async function sendAll(
  options: SendOptions,
  due: readonly DueDelivery[],
  { signer, format, webhookId }: Round,
): Promise<boolean> {
  const { stores, poster, now, retrySeconds } = options
  const { lanes: lanesInParallel, downAfter } = webhookId === callbacksId ? ofCallbacks : ofWebhook
  let settled: Settled[] = []
  let [delivered, failed, gone] = [0, 0, false]
  const write = async () => {
    const some = settled
    settled = []
    await stores.deliveries.settle(some)
  }
  const isDown = () => options.signal.aborted || !options.isHeld() || gone || (delivered === 0 && failed >= downAfter)

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
  if (delivered > 0) await reviveClearing(options, webhookId)
  return isDown()
}

/** The receiver works again: it learns which alerts are to be closed. */
async function reviveClearing({ stores, transaction }: SendOptions, webhookId: string): Promise<void> {
  if (webhookId === callbacksId || !(await stores.alerts.hasDeadClearing(webhookId))) return
  await transaction(async ({ outbox, alerts }) => {
    await outbox.holdOrder()
    await alerts.reviveClearing(webhookId)
  })
}

const disable = ({ transaction }: SendOptions, webhookId: string): Promise<void> =>
  transaction(async ({ webhooks, ledger }) => {
    const reason = 'the receiver responded 410 Gone'
    if (await webhooks.disable(webhookId, reason))
      ledger.record({ actor: 'system', action: 'webhook.disable', subject: webhookId, payload: { reason } })
  })
