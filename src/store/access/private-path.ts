import { lstatSync, mkdirSync, realpathSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { SetupError } from '../../domain/errors.ts'

const anyoneElse = 0o022
const sticky = 0o1000
const worldWritable = 0o002

/** A path that another local user could have prepared or could change; the message names it and the remedy. */
export class UntrustedPathError extends SetupError {
  override readonly name = 'UntrustedPathError'
}

/** Throws unless only `uid` may write there. */
export function checkOwned(path: string, stats: Stats, uid = process.getuid?.()): void {
  if (uid === undefined) return
  if (stats.uid !== uid) {
    throw new UntrustedPathError(
      `${path} belongs to the user with the id ${stats.uid}, not to ${uid}: remove it, or set PORTWARDEN_DATA_DIR to a directory that this user creates.`,
    )
  }
  if ((stats.mode & anyoneElse) !== 0) {
    throw new UntrustedPathError(
      `Other users may write to ${path} (mode ${(stats.mode & 0o777).toString(8)}): check its content, then run chmod go-w ${path}`,
    )
  }
}

/** Throws unless only this user can write or replace the directory. */
export function checkPrivateDirectory(path: string, uid = process.getuid?.()): void {
  const stats = lstatSync(path)
  if (!stats.isDirectory()) throw new UntrustedPathError(`${path} is not a directory.`)
  checkOwned(path, stats, uid)
  checkAncestors(path, uid)
}

/** A directory that anyone may write lets anyone rename what is in it, unless it is sticky as /tmp is. */
function checkAncestors(path: string, uid: number | undefined): void {
  for (let ancestor = dirname(path); ; ancestor = dirname(ancestor)) {
    const { mode } = lstatSync(ancestor)
    if (uid !== undefined && (mode & worldWritable) !== 0 && (mode & sticky) === 0) {
      throw new UntrustedPathError(
        `Any user may rename ${path}, because ${ancestor} is writable by all: run chmod o-w ${ancestor}`,
      )
    }
    if (ancestor === dirname(ancestor)) return
  }
}

/** Creates the directory for this user alone, or checks that it is; returns its path without links. */
export function ensurePrivateDirectory(requested: string): string {
  mkdirSync(requested, { recursive: true, mode: 0o700 })
  const path = realpathSync(requested)
  checkPrivateDirectory(path)
  return path
}
