import { type LedgerKeys, minKeyLength, parseLedgerKeys } from '../domain/ledger.ts'
import { ConfigError } from './env.ts'

/** Keys separated by white space: the first signs, the others verify older entries. */
export function readLedgerKeys(text: string | undefined): LedgerKeys | undefined {
  if (!text) return undefined
  const keys = parseLedgerKeys(text)
  if (keys) return keys
  throw new ConfigError(
    `PORTWARDEN_LEDGER_KEY is not valid: a key has ${minKeyLength} characters at least; "openssl rand -hex 32" makes one`,
  )
}
