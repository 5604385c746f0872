import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode } from '../../runtime/poll.ts'

/** The text of a file that holds a secret; undefined where there is none. */
export function readSecretFile(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The same; where there is none it is made, for this user alone to read. Of several who make it at once all get the same. */
export function ensureSecretFile(file: string, make: () => string): string {
  const known = readSecretFile(file)
  if (known !== undefined) return known
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  writeFileSync(draft, `${make()}\n`, { mode: 0o600, flag: 'wx' })
  try {
    linkSync(draft, file) // it is there whole or not at all, and never replaces what another was faster to make
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  } finally {
    rmSync(draft)
  }
  return ensureSecretFile(file, make)
}
