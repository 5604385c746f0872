import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type LedgerKeys, parseLedgerKeys } from '../domain/ledger.ts'

/** Where a process that is given no key of the ledger keeps its own. */
export const ledgerKeyFile = (dataDir: string): string => join(dataDir, 'ledger.key')

/** The keys in the data directory; undefined where there are none. Throws where the file holds anything else. */
export async function readLedgerKeys(dataDir: string): Promise<LedgerKeys | undefined> {
  const file = ledgerKeyFile(dataDir)
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const keys = parseLedgerKeys(text)
  if (!keys) throw new Error(`${file} holds no key of the ledger: restore it, the entries that it signed need it`)
  return keys
}

/** The keys in the data directory; the first time one is made, for this user alone to read. */
export async function ensureLedgerKeys(dataDir: string): Promise<LedgerKeys> {
  const known = await readLedgerKeys(dataDir)
  if (known) return known
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const draft = `${ledgerKeyFile(dataDir)}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
  try {
    // A link is there whole or not at all, and never replaces what another process was faster to make.
    await link(draft, ledgerKeyFile(dataDir)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(draft)
  }
  return ensureLedgerKeys(dataDir)
}
