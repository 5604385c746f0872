import { hkdfSync, randomBytes } from 'node:crypto'
import type { SealedSecrets } from '../../store/webhooks/webhooks.ts'
import type { Seal } from './seal.ts'

/** A signing secret of Standard Webhooks: 32 random bytes. */
export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

/** Derives the secret that signs the callbacks of one requester, whose receiver cannot sign for others. */
export function callbackSecret(secret: string, requester: string): string {
  const master = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const derived = hkdfSync('sha256', master, '', `portwarden callbacks of ${requester}`, 32)
  return `whsec_${Buffer.from(derived).toString('base64')}`
}

export interface Opening {
  seal: Seal
  webhookId: string
  now: Date
}

/** The secrets of a webhook that sign now, newest first; throws where they were sealed with another key. */
export function openSecrets(
  { secret, previousSecret, previousUntil }: SealedSecrets,
  { seal, webhookId, now }: Opening,
): [string, ...string[]] {
  const previous = previousSecret && previousUntil && previousUntil > now ? [previousSecret] : []
  return [seal.open(secret, webhookId), ...previous.map((sealed) => seal.open(sealed, webhookId))]
}
