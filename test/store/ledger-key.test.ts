import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensureLedgerKeys, ledgerKeyFile, readLedgerKeys } from '../../src/store/ledger-key.ts'
import { makeTempDir } from '../support/temp-dir.ts'

let directory: Awaited<ReturnType<typeof makeTempDir>>
beforeEach(async () => {
  directory = await makeTempDir('ledger')
})
afterEach(() => directory.remove())
const dataDir = () => join(directory.path, 'data')

test('a key is made once, whoever starts, for its user alone to read', async () => {
  expect(await readLedgerKeys(dataDir())).toBeUndefined()
  const made = await Promise.all(Array.from({ length: 8 }, () => ensureLedgerKeys(dataDir())))
  expect(new Set(made.map(([{ id }]) => id)).size).toBe(1)
  expect(await readLedgerKeys(dataDir())).toEqual(made[0])
  expect((await stat(ledgerKeyFile(dataDir()))).mode & 0o777).toBe(0o600)
  expect(await readdir(dataDir())).toEqual(['ledger.key'])
})

test('a key that was damaged is no reason to make another', async () => {
  await ensureLedgerKeys(dataDir())
  await writeFile(ledgerKeyFile(dataDir()), 'gone\n')
  await expect(ensureLedgerKeys(dataDir())).rejects.toThrow(/holds no key of the ledger: restore it/)
  expect(await readFile(ledgerKeyFile(dataDir()), 'utf8')).toBe('gone\n')
})
