import { createHmac } from 'node:crypto'
import type { LedgerKey } from './ledger.ts'

/** What a seal is for; a seal of one purpose is none for another. */
type Purpose = 'request' | 'plan' | 'slice' | 'batch' | 'pairs' | 'paired' | 'recording'

/** Seals what this service writes before an audit ends, so that its end signs nothing else. */
export interface Sealer {
  /** `KEY_ID:HMAC` over the content. */
  seal(purpose: Purpose, content: string): string
  /** Whether a process with one of these keys has sealed the content. */
  isSealed(seal: string | null | undefined, purpose: Purpose, content: string): boolean
}

/** Seals with a secret that is derived from the first ledger key, so that no second one has to be distributed. */
export function createSealer(keys: readonly LedgerKey[]): Sealer {
  const derived = keys.map(({ id, secret }): LedgerKey => ({ id, secret: hmac(secret, 'portwarden seals') }))
  const make = ({ id, secret }: LedgerKey, purpose: Purpose, content: string) =>
    `${id}:${hmac(secret, `${purpose}\n${content}`)}`
  const [first] = derived
  return {
    seal(purpose, content) {
      if (!first) throw new Error('there is no ledger key to seal with')
      return make(first, purpose, content)
    },
    isSealed(seal, purpose, content) {
      const key = derived.find(({ id }) => seal?.startsWith(`${id}:`))
      return key !== undefined && seal === make(key, purpose, content)
    },
  }
}

/** Keys of the digests of accounts and credentials, the one in use first: of the oldest, so that a new one changes nothing while it is introduced. */
export const bindSalts = (keys: readonly LedgerKey[]): string[] =>
  keys.map(({ secret }) => hmac(secret, 'portwarden binds')).toReversed()

/** Names a key of such digests without revealing it: digests of different keys cannot be compared. */
export const bindKeyOf = (salt: string): string => hmac(salt, 'portwarden bind key')

const hmac = (secret: string, text: string) => createHmac('sha256', secret).update(text).digest('hex')
