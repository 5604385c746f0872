import { createWriteStream } from 'node:fs'
import { access, constants, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { SetupError } from '../domain/errors.ts'

/** Throws SetupError where `file` could not be written: before the work whose result it will hold. */
export const checkOutput = (file: string): Promise<void> =>
  asSetupError(async () => {
    const { path, isStream } = await findDestination(file)
    await access(isStream ? path : dirname(path), constants.W_OK)
  })

/** Replaces a file as a whole, through links; writes to pipes and devices. Throws SetupError. */
export const writeOutput = (file: string, content: string | Readable): Promise<void> =>
  asSetupError(async () => {
    const pieces = typeof content === 'string' ? [content] : content
    const { path, isStream } = await findDestination(file)
    if (isStream) return pipeline(pieces, createWriteStream(path))
    const part = `${path}.part`
    try {
      await pipeline(pieces, createWriteStream(part))
      await rename(part, path)
    } finally {
      await rm(part, { force: true })
    }
  })

/** An error of the file system is one of the set-up; others pass. */
async function asSetupError(work: () => Promise<void>): Promise<void> {
  await work().catch((error: NodeJS.ErrnoException) => {
    if (error.syscall === undefined) throw error
    throw new SetupError(`the output cannot be written: ${error.message}`)
  })
}

/** Where a path leads to: a file, which may be absent, or a pipe or a device. Throws SetupError for a directory. */
async function findDestination(file: string): Promise<{ path: string; isStream: boolean }> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (found?.isDirectory()) throw new SetupError(`the output cannot be written: ${file} is a directory`)
  if (found && !found.isFile()) return { path: file, isStream: true }
  return { path: found ? await realpath(file) : file, isStream: false }
}
