import type { Stores } from '../../store/db/stores.ts'
import { callbacksId } from '../../store/webhooks/webhooks.ts'
import type { View } from '../context.ts'
import type { Seal } from './seal.ts'
import { callbackSecret, newSecret, openSecrets } from './secrets.ts'

interface CallbackParts {
  stores: Stores
  seal: Seal
}

/** Creates the webhook that signs callbacks where it is missing; reports where the key of this process cannot open it. */
export async function prepareCallbacks(
  { stores, seal, transaction }: CallbackParts & Pick<View, 'transaction'>,
  onError: (error: unknown) => void,
): Promise<void> {
  if (!(await stores.webhooks.find(callbacksId)))
    await transaction(async (tx) => {
      if (await tx.webhooks.ensureCallbacks(seal.close(newSecret(), callbacksId)))
        tx.ledger.record({ actor: 'system', action: 'webhook.create', subject: callbacksId, payload: {} })
    })
  const secrets = await stores.webhooks.secrets(callbacksId)
  try {
    if (secrets) seal.open(secrets.secret, callbacksId)
  } catch {
    const hint = 'set the same PORTWARDEN_SECRET_KEY for all processes'
    onError(new Error(`the secrets of webhooks were sealed with another key: ${hint}`))
  }
}

interface CallbackSecrets {
  secret: string
  /** The secret before the last rotation, while it signs too. */
  previous: string | null
  previousUntil: Date | null
}

/** The secrets that sign the callbacks of one requester. */
export async function readCallbackSecrets(
  { stores, seal }: CallbackParts,
  { requester, now }: { requester: string; now: Date },
): Promise<CallbackSecrets> {
  const sealed = await stores.webhooks.secrets(callbacksId)
  if (!sealed) throw new Error('there is no webhook of callbacks')
  const opened = openSecrets(sealed, { seal, webhookId: callbacksId, now })
  const [secret, previous = null] = opened.map((one) => callbackSecret(one, requester)) as [string, string?]
  return { secret, previous, previousUntil: previous === null ? null : sealed.previousUntil }
}
