import type { Static } from 'typebox'
import type { Webhook as WebhookSchema } from '../../../api/routes/webhooks/schemas.ts'
import { Verdict } from '../../parts/results/verdict.tsx'

export type Webhook = Static<typeof WebhookSchema>

/** The id of the webhook that stands for the callbacks of audits. */
export const callbacksId = 'callbacks'

export const nameOf = ({ id, description, url }: Pick<Webhook, 'id' | 'description' | 'url'>): string =>
  id === callbacksId ? 'Callbacks of audits' : (description ?? url)

export function WebhookState({ webhook: { enabled, disabledReason } }: { webhook: Webhook }) {
  if (enabled) return <span>enabled</span>
  return disabledReason ? (
    <span>
      <Verdict result="error" text="Disabled" /> {disabledReason}
    </span>
  ) : (
    <span class="faint">paused</span>
  )
}
