import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { keysOfDirectory } from '../../../src/operations/webhooks/seal-key.ts'
import { ensureLedgerKeys, findLedgerKeys } from '../../../src/store/ledger/key-file.ts'
import { makeTempDir } from '../../support/temp-dir.ts'

async function newDataDir(): Promise<string> {
  const { path, remove } = await makeTempDir('secret')
  onTestFinished(remove)
  return join(path, 'data')
}

/** What threads that ask for a secret at the same time get. */
async function requestConcurrently(file: string): Promise<unknown[]> {
  const ready = new Int32Array(new SharedArrayBuffer(4))
  const source = new URL('../../../src/store/access/secret-file.ts', import.meta.url).href
  const code = `const { parentPort, workerData } = require('node:worker_threads')
    import(${JSON.stringify(source)}).then(({ ensureSecretFile }) => {
      parentPort.postMessage('ready')
      Atomics.wait(workerData.ready, 0, 0)
      parentPort.postMessage(ensureSecretFile(workerData.file, () => workerData.secret))
    })`
  const workers = Array.from(
    { length: 8 },
    () => new Worker(code, { eval: true, workerData: { ready, file, secret: randomUUID() } }),
  )
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const responses = workers.map(async (worker) => (await once(worker, 'message'))[0])
  Atomics.store(ready, 0, 1)
  Atomics.notify(ready, 0)
  return Promise.all(responses)
}

test('a secret is created once by concurrent processes, readable by its user only', async () => {
  const dataDir = await newDataDir()
  const responses = await requestConcurrently(join(dataDir, 'any.key'))
  expect(responses).toHaveLength(8)
  expect(new Set(responses).size).toBe(1)
  expect(await readFile(join(dataDir, 'any.key'), 'utf8')).toBe(`${responses[0]}\n`)
  expect((await stat(join(dataDir, 'any.key'))).mode & 0o777).toBe(0o600)
  expect(await readdir(dataDir)).toEqual(['any.key'])
})

test('the key of the ledger is made the first time, and stays', async () => {
  const dataDir = await newDataDir()
  expect(findLedgerKeys(dataDir)).toBeUndefined()
  const made = ensureLedgerKeys(dataDir)
  expect(ensureLedgerKeys(dataDir)).toEqual(made)
  expect(findLedgerKeys(dataDir)).toEqual(made)
})

test.each([
  ['of the ledger', 'ledger.key', ensureLedgerKeys, /holds no key of the ledger: restore it/],
  ['that seals secrets', 'secret.key', keysOfDirectory, /holds no key: it must be 32 bytes/],
])('a key %s that was damaged is no reason to make another', async (_, name, ensure, message) => {
  const dataDir = await newDataDir()
  ensure(dataDir)
  await writeFile(join(dataDir, name), 'gone\n')
  expect(() => ensure(dataDir)).toThrow(message)
  expect(await readFile(join(dataDir, name), 'utf8')).toBe('gone\n')
})
