import type { SealedSecrets } from '../../store/webhooks/webhooks.ts'
import type { View } from '../context.ts'
import type { Seal } from './seal.ts'

/** Seals with the newest key what an older one has sealed, so that the older one can be taken away. */
export async function resealSecrets({
  stores,
  transaction,
  seal,
}: Pick<View, 'stores' | 'transaction'> & { seal: Seal }): Promise<void> {
  for (const { id } of await stores.webhooks.all()) {
    const before = await stores.webhooks.secrets(id)
    const after = before && resealed(before, { seal, id })
    if (!after) continue
    await transaction(async (tx) => {
      if (await tx.webhooks.reseal(id, before, after))
        tx.ledger.record({ actor: 'system', action: 'webhook.reseal', subject: id, payload: {} })
    })
  }
}

/** Undefined where nothing is outdated, or a secret does not open: its owner must set it again. */
function resealed(
  { secret, previousSecret, authorization, previousUntil }: SealedSecrets,
  { seal, id }: { seal: Seal; id: string },
) {
  const sealed = [secret, previousSecret, authorization]
  try {
    if (!sealed.some((one) => one && seal.isOutdated(one, id))) return undefined
  } catch {
    return undefined
  }
  const again = <T extends Uint8Array | null>(one: T) => (one && seal.close(seal.open(one, id), id)) as T
  return {
    secret: again(secret),
    previousSecret: again(previousSecret),
    authorization: again(authorization),
    previousUntil,
  }
}
