import type { Config } from '../../config/index.ts'
import { createPoster } from '../../operations/webhooks/delivery/http-client.ts'
import { createSeal } from '../../operations/webhooks/seal.ts'
import { findKeysOfDirectory } from '../../operations/webhooks/seal-key.ts'
import { openSecrets } from '../../operations/webhooks/secrets.ts'
import { openConnector } from '../../probes/network/connector/open.ts'
import { openGate } from '../../probes/network/guarded-connect.ts'
import type { Stores } from '../../store/db/stores.ts'
import { callbacksId, type Webhook } from '../../store/webhooks/webhooks.ts'
import { type Check, type Checks, fail, ok, warn } from './check.ts'

/** Whether the secrets of webhooks can be opened, and their receivers reached. */
export async function* checkWebhooks({ webhooks }: Stores, config: Config, now: Date): Checks {
  const all = await webhooks.all()
  if (all.length === 0) return
  yield await checkSecrets(all, { webhooks, config, now })
  const connector = await openConnector({ kind: config.connector, attempts: 1, log() {} })
  const gate = openGate({ ...config.webhooks, connector, never: [] })
  const poster = createPoster({ ...config.webhooks, connect: gate.connect })
  try {
    for (const { id, url, description, enabled, disabledReason } of all) {
      if (id === callbacksId) continue
      const label = `webhook ${id.slice(0, 8)}`
      const what = description ?? new URL(url).host
      const failure = enabled ? await poster.reach(url) : undefined
      if (disabledReason !== null)
        yield warn(label, `${what}: the service disabled it (${disabledReason}): enable it again`)
      else if (!enabled) yield ok(label, `${what}: disabled`)
      else if (failure !== undefined) yield fail(label, `${what}: ${new URL(url).host} cannot be reached (${failure})`)
      else yield ok(label, `${what}: ${new URL(url).host} accepts connections`)
    }
  } finally {
    await poster.close()
    await connector.close()
  }
}

async function checkSecrets(
  all: readonly Webhook[],
  { webhooks, config, now }: { webhooks: Stores['webhooks']; config: Config; now: Date },
): Promise<Check> {
  const keys = config.sealKeys ?? findKeysOfDirectory(config.dataDir)
  const remedy = 'restore secret.key, or set PORTWARDEN_SECRET_KEY to that of the other processes'
  if (!keys)
    return fail('secret key', `there is none in ${config.dataDir}, and secrets of webhooks are sealed: ${remedy}`)
  const seal = createSeal(() => keys)
  for (const { id } of all) {
    const sealed = await webhooks.secrets(id)
    try {
      if (sealed) openSecrets(sealed, { seal, webhookId: id, now })
    } catch {
      return fail('secret key', `it does not open the secrets of the webhook ${id}: ${remedy}`)
    }
  }
  return ok('secret key', 'opens the secrets of all webhooks')
}
