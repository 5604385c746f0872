import { hkdfSync, randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import type { SealedSecrets } from '../../store/webhooks/webhooks.ts'
import type { Seal } from './seal.ts'

/** A new signing secret as Standard Webhooks writes it: 32 random bytes. */
export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

/** The secret that signs the callbacks of one caller: who is called back for one cannot sign for another. */
export function callbackSecret(secret: string, caller: string): string {
  const master = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  return `whsec_${Buffer.from(hkdfSync('sha256', master, '', `portwarden callbacks of ${caller}`, 32)).toString('base64')}`
}

/** What signs the requests of one webhook, and what they carry besides. */
export interface Signer {
  /** The headers of a request: every secret that holds now has its signature. `signedFor`: whose callback it is. */
  headers(message: { id: string; at: Date; body: string; signedFor: string | null }): Record<string, string>
}

interface Opening {
  seal: Seal
  webhookId: string
  now: Date
}

/** The secrets of a webhook that hold now, the newest first; throws where the key of this process does not fit them. */
export function openSecrets(
  { secret, previousSecret, previousUntil }: SealedSecrets,
  { seal, webhookId, now }: Opening,
): [string, ...string[]] {
  const previous = previousSecret && previousUntil && previousUntil > now ? [previousSecret] : []
  return [seal.open(secret, webhookId), ...previous.map((sealed) => seal.open(sealed, webhookId))]
}

/** Opens the secrets of a webhook; throws where the key of this process does not fit them. */
export function createSigner(sealed: SealedSecrets, opening: Opening): Signer {
  const { seal, webhookId } = opening
  const { authorization } = sealed
  const secrets = openSecrets(sealed, opening)
  const signersFor = (caller: string | null) =>
    secrets.map((secret) => new Webhook(caller === null ? secret : callbackSecret(secret, caller)))
  const more: Record<string, string> = authorization ? { authorization: seal.open(authorization, webhookId) } : {}
  return {
    headers: ({ id, at, body, signedFor }) => ({
      ...more,
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': signersFor(signedFor)
        .map((signer) => signer.sign(id, at, body))
        .join(' '),
    }),
  }
}
