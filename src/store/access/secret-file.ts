import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { errorCode } from '../../runtime/poll.ts'
import { checkOwned, ensurePrivateDirectory, UntrustedPathError } from './private-path.ts'

/** Reads a file that holds a secret; undefined if there is none. Throws UntrustedPathError for a link or another user's file. */
export function readSecretFile(file: string): string | undefined {
  const descriptor = open(file)
  if (descriptor === undefined) return undefined
  try {
    const stats = fstatSync(descriptor)
    checkOwned(file, stats)
    if (!stats.isFile()) throw new UntrustedPathError(`${file} is not a file.`)
    return readFileSync(descriptor, 'utf8').trim()
  } finally {
    closeSync(descriptor)
  }
}

function open(file: string): number | undefined {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    if (errorCode(error) === 'ELOOP') throw new UntrustedPathError(`${file} is a link: put the file itself there.`)
    throw error
  }
}

/** Reads a secret file, or creates it for this user alone; concurrent callers all get the same content. */
export function ensureSecretFile(file: string, make: () => string): string {
  const known = readSecretFile(file)
  if (known !== undefined) return known
  const draft = writeDraft(file, make())
  try {
    linkSync(draft, file) // the file is complete or absent, and never replaces an existing one
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  } finally {
    rmSync(draft)
  }
  return ensureSecretFile(file, make)
}

/** Replaces a secret file, readable by this user only. */
export const replaceSecretFile = (file: string, secret: string): void => renameSync(writeDraft(file, secret), file)

function writeDraft(file: string, secret: string): string {
  ensurePrivateDirectory(dirname(file))
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  writeFileSync(draft, `${secret}\n`, { mode: 0o600, flag: 'wx' }) // O_EXCL follows no link
  return draft
}
