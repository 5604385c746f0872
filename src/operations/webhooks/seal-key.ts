import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ensureSecretFile, readSecretFile } from '../../store/access/secret-file.ts'

const keyBytes = 32
const fileIn = (dataDir: string): string => join(dataDir, 'secret.key')

/** The key in the file `secret.key` of the data directory; undefined where there is none. Throws where the file holds anything else. */
export function findKeyOfDirectory(dataDir: string): Uint8Array | undefined {
  const text = readSecretFile(fileIn(dataDir))
  return text === undefined ? undefined : keyOf(text, dataDir)
}

/** The same key, made where it is missing. */
export const keyOfDirectory = (dataDir: string): Uint8Array =>
  keyOf(
    ensureSecretFile(fileIn(dataDir), () => randomBytes(keyBytes).toString('base64')),
    dataDir,
  )

function keyOf(text: string, dataDir: string): Uint8Array {
  const key = Buffer.from(text, 'base64')
  if (key.length !== keyBytes)
    throw new Error(`${fileIn(dataDir)} holds no key: it must be ${keyBytes} bytes in base64`)
  return new Uint8Array(key)
}
