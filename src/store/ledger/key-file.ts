import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type LedgerKeys, parseLedgerKeys } from '../../domain/ledger.ts'
import { ensureSecretFile, readSecretFile } from '../access/secret-file.ts'

/** The key file of a process without a configured key. */
const fileIn = (dataDir: string): string => join(dataDir, 'ledger.key')

/** The keys in the data directory; undefined where there are none. Throws where the file holds anything else. */
export function findLedgerKeys(dataDir: string): LedgerKeys | undefined {
  const text = readSecretFile(fileIn(dataDir))
  return text === undefined ? undefined : keysOf(text, dataDir)
}

/** The stored keys; creates one the first time. */
export const ensureLedgerKeys = (dataDir: string): LedgerKeys =>
  keysOf(
    ensureSecretFile(fileIn(dataDir), () => randomBytes(32).toString('hex')),
    dataDir,
  )

function keysOf(text: string, dataDir: string): LedgerKeys {
  const keys = parseLedgerKeys(text)
  if (keys) return keys
  throw new Error(`${fileIn(dataDir)} holds no key of the ledger: restore it, the entries that it signed need it`)
}
