import { hash, randomBytes } from 'node:crypto'

/** Links of this process that sign a person in once, without showing the key. */
export interface SignInLinks {
  /** The token of a new link for a key. */
  create(keyId: string, now: Date): string
  /** The key of an unused token that is not too old; the token is used then. */
  redeem(token: string, now: Date): string | undefined
}

const maxAgeMs = 10 * 60_000

export function createSignInLinks(): SignInLinks {
  const links = new Map<string, { keyId: string; until: number }>()
  return {
    create(keyId, now) {
      const token = randomBytes(32).toString('base64url')
      links.set(hash('sha256', token), { keyId, until: now.getTime() + maxAgeMs })
      return token
    },
    redeem(token, now) {
      const digest = hash('sha256', token)
      const link = links.get(digest)
      links.delete(digest)
      return link && now.getTime() < link.until ? link.keyId : undefined
    },
  }
}
