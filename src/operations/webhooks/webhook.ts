import { NotFoundError } from '../../domain/errors.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Webhook, WebhookInput } from '../../store/webhooks/webhooks.ts'
import type { Parts, View } from '../context.ts'
import type { DestinationRules } from './destination.ts'
import type { Seal } from './seal.ts'

/** What changes of webhooks work with. */
export interface WebhookParts extends View, DestinationRules, Pick<Parts, 'enqueueDelivery'> {
  seal: Seal
}

/** A change of a webhook. */
export interface WebhookUpdate {
  id: string
  change: (fields: WebhookInput) => WebhookInput
  /** The header `Authorization` of deliveries: null removes it, undefined keeps it. */
  authorization: string | null | undefined
}

export const noSuchWebhook = (id: string): NotFoundError => new NotFoundError(`there is no webhook ${id}`)

/** Throws NotFoundError where there is no such webhook. */
export async function findWebhook(stores: Stores, id: string): Promise<Webhook> {
  const webhook = await stores.webhooks.find(id)
  if (!webhook) throw noSuchWebhook(id)
  return webhook
}

/** The fields of a webhook that its requester decides; its secrets are not among them. */
export const inputOf = ({
  url,
  description,
  events,
  filter,
  format,
  openAfter,
  groupBy,
  enabled,
}: Webhook): WebhookInput => ({
  url,
  description,
  events,
  filter,
  format,
  openAfter,
  groupBy,
  enabled,
})
