import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { parseSealKeys, type SealKeys, sealKeyBytes } from '../../domain/webhooks/seal-keys.ts'
import { ensureSecretFile, readSecretFile } from '../../store/access/secret-file.ts'

const fileIn = (dataDir: string): string => join(dataDir, 'secret.key')

/** The keys in the file `secret.key` of the data directory; undefined where there is none. Throws where the file holds anything else. */
export function findKeysOfDirectory(dataDir: string): SealKeys | undefined {
  const text = readSecretFile(fileIn(dataDir))
  return text === undefined ? undefined : keysOf(text, dataDir)
}

/** The same keys; one is made where there is none. */
export const keysOfDirectory = (dataDir: string): SealKeys =>
  keysOf(
    ensureSecretFile(fileIn(dataDir), () => randomBytes(sealKeyBytes).toString('base64')),
    dataDir,
  )

function keysOf(text: string, dataDir: string): SealKeys {
  const keys = parseSealKeys(text)
  if (keys) return keys
  throw new Error(`${fileIn(dataDir)} holds no key: it must be ${sealKeyBytes} bytes in base64`)
}
