import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ensureSecretFile } from '../../store/access/secret-file.ts'

const keyBytes = 32

/** The key in the file `secret.key` of the data directory, made where it is missing. Throws where the file holds anything else. */
export function keyOfDirectory(dataDir: string): Uint8Array {
  const file = join(dataDir, 'secret.key')
  const key = Buffer.from(
    ensureSecretFile(file, () => randomBytes(keyBytes).toString('base64')),
    'base64',
  )
  if (key.length !== keyBytes) throw new Error(`${file} holds no key: it must be ${keyBytes} bytes in base64`)
  return new Uint8Array(key)
}
