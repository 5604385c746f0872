import { Webhook } from 'standardwebhooks'
import type { SealedSecrets } from '../../../store/webhooks/webhooks.ts'
import { callbackSecret, type Opening, openSecrets } from '../secrets.ts'

/** Signs the requests of one webhook. */
export interface Signer {
  /** The headers of a request, with one signature for each secret. `signedFor`: the requester of a callback. */
  headers(message: { id: string; at: Date; body: string; signedFor: string | null }): Record<string, string>
}

/** Opens secrets; throws when another key sealed them. */
export function createSigner(sealed: SealedSecrets, opening: Opening): Signer {
  const { authorization } = sealed
  const secrets = openSecrets(sealed, opening)
  const signersFor = (requester: string | null) =>
    secrets.map((secret) => new Webhook(requester === null ? secret : callbackSecret(secret, requester)))
  const more: Record<string, string> = authorization
    ? { authorization: opening.seal.open(authorization, opening.webhookId) }
    : {}
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
