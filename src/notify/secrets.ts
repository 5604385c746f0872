import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import type { SealedSecrets } from '../store/webhooks.ts'
import type { Seal } from './seal.ts'

/** A new signing secret as Standard Webhooks writes it: 32 random bytes. */
export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

/** What signs the requests of one webhook, and what they carry besides. */
export interface Signer {
  /** The headers of a request: every secret that holds now has its signature. */
  headers(messageId: string, at: Date, body: string): Record<string, string>
}

/** Opens the secrets of a webhook; throws where the key of this process does not fit them. */
export function createSigner(
  { secret, previousSecret, authorization, previousUntil }: SealedSecrets & { previousUntil: Date | null },
  { seal, webhookId, now }: { seal: Seal; webhookId: string; now: Date },
): Signer {
  const previous = previousSecret && previousUntil && previousUntil > now ? [previousSecret] : []
  const signers = [secret, ...previous].map((sealed) => new Webhook(seal.open(sealed, webhookId)))
  const more: Record<string, string> = authorization ? { authorization: seal.open(authorization, webhookId) } : {}
  return {
    headers: (messageId, at, body) => ({
      ...more,
      'webhook-id': messageId,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': signers.map((signer) => signer.sign(messageId, at, body)).join(' '),
    }),
  }
}
