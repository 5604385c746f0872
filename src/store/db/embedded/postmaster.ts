import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chown, mkdtemp, open, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { errorCode, until } from '../../../runtime/poll.ts'
import { type Binaries, loadBinaries } from './binaries.ts'
import { type Directories, ensureSocketDirectory, socketPort } from './directories.ts'

const run = promisify(execFile)

/** Nothing of our environment reaches PostgreSQL: it may hold secrets, and a locale would change the log's words. */
const environment = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/** Recovery after a crash replays at most 1 GB of log (max_wal_size), which even a slow disk manages in this time. */
const startTimeoutMs = 120_000
const stopTimeoutMs = 60_000

/** A live PostgreSQL process that holds a cluster, according to its postmaster.pid. */
export interface Postmaster {
  pid: number
  /** The directory of its socket; empty for a server that an earlier version started. */
  sockets: string
}

/** Creates a missing cluster. Of concurrent processes, the first to move its cluster wins. */
export async function initialise(directories: Directories, log: (line: string) => void): Promise<void> {
  if (existsSync(join(directories.cluster, 'PG_VERSION'))) return
  const home = dirname(directories.cluster)
  await removeLeftovers(home)
  log(`Initialising PostgreSQL in ${directories.cluster}`)
  const temporary = await mkdtemp(join(home, `postgres.new-${process.pid}-`))
  try {
    const cluster = join(temporary, 'postgres')
    await createCluster(directories, temporary, cluster)
    await syncDirectory(cluster)
    await rename(cluster, directories.cluster)
    await syncDirectory(home)
  } catch (error) {
    if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** No password exists: the server knows its clients by the user that the kernel reports for the socket. */
async function createCluster(directories: Directories, temporary: string, cluster: string): Promise<void> {
  const { initdb } = await loadBinaries(directories)
  if (directories.account) await chown(temporary, directories.account.uid, directories.account.gid)
  const flags = [`--username=${roles.admin}`, '--auth-local=peer', '--auth-host=reject', '--encoding=UTF8']
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  await run(initdb, [`--pgdata=${cluster}`, ...flags, ...locale], {
    ...directories.account,
    cwd: temporary,
    env: environment,
  }).catch((error: unknown) => {
    const output = error instanceof Error ? error.message.trim() : String(error)
    throw new Error(`PostgreSQL could not be initialised in ${directories.cluster}: ${output}`, { cause: error })
  })
}

/** The service works as `service`, which is no superuser; `admin` only sets up the cluster. */
export const roles = { admin: 'postgres', service: 'portwarden' } as const

/** Removes what initialisations left that were killed half way. */
async function removeLeftovers(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    const pid = /^postgres\.new-(\d+)-/.exec(name)?.[1]
    if (pid && !(await isRunning(Number(pid)))) await rm(join(home, name), { recursive: true, force: true })
  }
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path)
  await directory.sync()
}

/** The postmaster that holds the cluster, once it is ready; waits for one that starts or stops. Undefined: there is none. */
export async function findPostmaster(directories: Directories): Promise<Postmaster | undefined> {
  return untilSettled(directories, async () => (await readLockFile(directories.cluster)) === undefined)
}

/** Starts a server. Undefined when another process was faster: find it and try again. */
export async function launchPostmaster(directories: Directories): Promise<Postmaster | undefined> {
  const binaries = await loadBinaries(directories)
  await removeStaleLock(directories.cluster)
  await ensureSocketDirectory(directories) // the last process that left the server removes it
  const access = await writeAccessFiles(directories)
  await using log = await open(directories.logFile, 'a', 0o600)
  const { size: logStart } = await log.stat()
  const child = await spawnServer(directories, binaries, { access, logFd: log.fd })
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const ready = await untilSettled(directories, async () => hasEnded())
  if (ready) return ready
  const said = (await readFile(directories.logFile)).subarray(logStart).toString()
  if (
    /could not bind|lock file ".*" (already exists|is empty)|could not create lock file .* No such file|shared memory block .* still in use/.test(
      said,
    )
  ) {
    return undefined
  }
  throw new Error(`The embedded PostgreSQL did not start. ${await diagnose(directories)}`)
}

interface AccessFiles {
  hba: string
  ident: string
}

/** Only this user may connect, by the socket, as either role (PostgreSQL's `peer` authentication). */
async function writeAccessFiles({ cluster }: Directories): Promise<AccessFiles> {
  const home = dirname(cluster)
  const files = { hba: join(home, 'pg_hba.conf'), ident: join(home, 'pg_ident.conf') }
  const user = `"${userInfo().username.replaceAll('"', '""')}"`
  const names = Object.values(roles)
  await replaceFile(files.hba, names.map((role) => `local all ${role} peer map=portwarden\n`).join(''))
  await replaceFile(files.ident, names.map((role) => `portwarden ${user} ${role}\n`).join(''))
  return files
}

/** Renaming follows no link that stands in the way. */
async function replaceFile(path: string, content: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  await writeFile(draft, content, { mode: 0o644, flag: 'wx' })
  await rename(draft, path)
}

/** A session of its own keeps Ctrl-C from it; the log goes to a file because a pipe would end with this process. */
async function spawnServer(
  directories: Directories,
  { postgres }: Binaries,
  { access, logFd }: { access: AccessFiles; logFd: number },
): Promise<ChildProcess> {
  const settings = [
    'listen_addresses=',
    `unix_socket_directories="${directories.sockets.replaceAll('"', '""')}"`,
    'unix_socket_permissions=0700',
    `port=${socketPort}`,
    `hba_file=${access.hba}`,
    `ident_file=${access.ident}`,
    'max_connections=100',
    'random_page_cost=1.1', // for memory and SSDs, as the manual says: audits are then compared in the order of their index
    'log_checkpoints=off',
    'cluster_name=portwarden',
  ]
  const child = spawn(postgres, ['-D', directories.cluster, ...settings.flatMap((setting) => ['-c', setting])], {
    ...directories.account,
    cwd: dirname(directories.cluster),
    env: environment,
    detached: true,
    stdio: ['ignore', logFd, logFd],
  })
  await once(child, 'spawn')
  child.unref()
  return child
}

/** Polls the lock file until its server is ready, or `isOver`. */
async function untilSettled(directories: Directories, isOver: () => Promise<boolean>): Promise<Postmaster | undefined> {
  const settled = await until(async () => {
    const holder = await readLockFile(directories.cluster)
    if (holder?.status === 'ready') return { holder }
    return (await isOver()) ? {} : undefined
  }, startTimeoutMs)
  if (settled) return settled.holder
  throw new Error(
    `The embedded PostgreSQL is not ready after ${startTimeoutMs / 1000} s. ${await diagnose(directories)}`,
  )
}

/** What postmaster.pid says (pid, directory, start, port, socket, address, shared memory, status), if its server lives. */
async function readLockFile(cluster: string): Promise<(Postmaster & { status: string }) | undefined> {
  const lines = await readLines(lockFileOf(cluster))
  const pid = Number(lines[0])
  if (!(await isRunning(pid)) || (await isAnother(pid, cluster))) return undefined
  return { pid, sockets: lines[4] ?? '', status: lines[7]?.trim() ?? '' }
}

const lockFileOf = (cluster: string) => join(cluster, 'postmaster.pid')

async function readLines(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return ''
    throw error
  })
  return text.split('\n')
}

/** Whether another program reuses the pid after a crash; false without /proc. */
async function isAnother(pid: number, cluster: string): Promise<boolean> {
  const directory = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  return directory !== undefined && directory !== cluster
}

/** PostgreSQL refuses to start while any program has the pid of its lock file. */
async function removeStaleLock(cluster: string): Promise<void> {
  const pid = Number((await readLines(lockFileOf(cluster)))[0])
  if ((await isRunning(pid)) && (await isAnother(pid, cluster))) await rm(lockFileOf(cluster), { force: true })
}

/** Whether the postmaster still holds the cluster. */
export async function holdsCluster(directories: Directories, { pid }: Postmaster): Promise<boolean> {
  return (await readLockFile(directories.cluster))?.pid === pid
}

/** Stops the server cleanly ("fast" shutdown); returns when its process has ended. */
export async function stopPostmaster(directories: Directories, postmaster: Postmaster): Promise<void> {
  if (!(await holdsCluster(directories, postmaster))) return
  process.kill(postmaster.pid, 'SIGINT')
  const released = await until(async () => !(await holdsCluster(directories, postmaster)) || undefined, stopTimeoutMs)
  if (!released) {
    throw new Error(
      `The embedded PostgreSQL (process ${postmaster.pid}) did not stop within ${stopTimeoutMs / 1000} s. ${await diagnose(directories)}`,
    )
  }
  await until(async () => !(await isRunning(postmaster.pid)) || undefined, 1_000)
}

/** What an error message should end with: what to do about a lock that a crash left, and the end of the server's log. */
export async function diagnose({ cluster, logFile }: Directories): Promise<string> {
  const holder = await readLockFile(cluster)
  // After a crash and a reboot the number in the lock may be another process's, which PostgreSQL cannot detect.
  const advice = holder
    ? `If process ${holder.pid} is not PostgreSQL, delete ${lockFileOf(cluster)}, which names it. `
    : ''
  const text = await readFile(logFile, 'utf8').catch(() => '')
  return `${advice}The end of ${logFile}:\n${text.trimEnd().split('\n').slice(-12).join('\n')}`
}

/** A process that has ended but that its parent (a lazy init, say) has not reaped counts as ended. */
async function isRunning(pid: number): Promise<boolean> {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return !/^.*\) Z/s.test(stat)
}
