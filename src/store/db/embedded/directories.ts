import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readlinkSync, realpathSync } from 'node:fs'
import { chmod, lchown, mkdir, rmdir, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { errorCode, until } from '../../../runtime/poll.ts'
import { checkPrivateDirectory, ensurePrivateDirectory } from '../../access/private-path.ts'

const run = promisify(execFile)

/** The directory that root's clusters and copied binaries lie in: one that the system user `postgres` can enter. */
export const rootDirectory = '/var/lib/portwarden'

/** PostgreSQL names its socket by the port, which is the same for all: each has a directory of its own. */
export const socketPort = 5432
const socketName = `.s.PGSQL.${socketPort}`

/** The system account that PostgreSQL runs under when we are root, which it refuses to run as. */
export interface Account {
  uid: number
  gid: number
}

/** Where the cluster of a data directory lies, and who runs it (`account` is undefined for: we ourselves). */
export interface Directories {
  dataDir: string
  cluster: string
  /** Holds the socket of the server; only `account` (or this user) can enter it. */
  sockets: string
  logFile: string
  account: Account | undefined
}

/**
 * The directory that holds a data directory's cluster (`postgres`) and its log: the data directory itself; for root, a
 * directory of its own under /var/lib/portwarden, because the user `postgres` cannot enter a private (0700) one. There
 * `<dataDir>/postgres` is a link to the cluster, so a data directory that is moved keeps it, and one that is deleted and
 * made again at the same path finds it again: to delete the data, delete this directory too.
 */
export function clusterHome(dataDir: string): string {
  if (process.getuid?.() !== 0) return resolve(dataDir)
  const linked = readLink(join(dataDir, 'postgres'))
  // Nothing outside our own directory is believed: root would hand it to the user `postgres`.
  if (linked && dirname(dirname(linked)) === rootDirectory) return dirname(linked)
  return join(rootDirectory, createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 16))
}

/** Makes the directories that a cluster needs, and for root the system user and the link to the cluster. */
export async function prepareDirectory(requested: string, log: (line: string) => void): Promise<Directories> {
  const dataDir = ensurePrivateDirectory(requested)
  const home = clusterHome(dataDir)
  const cluster = join(home, 'postgres')
  const account = process.getuid?.() === 0 ? await systemAccount() : undefined
  if (account) {
    await makeDirectory(rootDirectory, 0o755)
    await makeDirectory(home, 0o711)
    const linked = await linkTo(cluster, join(dataDir, 'postgres'))
    if (linked && existsSync(cluster)) {
      log(`Found again the data that an earlier ${dataDir} left in ${home}; to start afresh, stop and delete that too`)
    }
  }
  const directories = { dataDir, cluster, sockets: socketDirectory(home), logFile: join(home, 'postgres.log'), account }
  await ensureSocketDirectory(directories)
  return directories
}

/** `sun_path` holds 108 bytes with its end on Linux, 104 elsewhere. */
const maxSocketPath = 100

/** Where the server of a home listens: inside it, or below the temporary directory where that path would be too long. */
function socketDirectory(home: string): string {
  const inside = join(home, 'socket')
  if (Buffer.byteLength(join(inside, socketName)) <= maxSocketPath) return inside
  return join(realpathSync(tmpdir()), `portwarden-${createHash('sha256').update(home).digest('hex').slice(0, 16)}`)
}

/** Makes the directory of the socket where it is missing. */
export async function ensureSocketDirectory({ sockets: path, account }: Directories): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error
  })
  if (account) await lchown(path, account.uid, account.gid) // again, because another start may have come no further
  checkPrivateDirectory(path, account?.uid)
}

/** Removes the directory of the socket from the temporary directory after its server has stopped. */
export async function removeSocketDirectory({ sockets, cluster }: Directories): Promise<void> {
  if (dirname(sockets) === dirname(cluster)) return
  await rmdir(sockets).catch((error: unknown) => {
    // Another process has removed it, or has started the server again.
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '')) throw error
  })
}

/** Whether the link is new. */
async function linkTo(target: string, path: string): Promise<boolean> {
  try {
    await symlink(target, path)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    if (errorCode(error) !== 'EINVAL') throw error
    throw new Error(
      `${path} belongs to an ordinary user, whose PostgreSQL root cannot run: start Portwarden as that user, or give it another data directory (PORTWARDEN_DATA_DIR).`,
    )
  }
}

/** With `mkdir` alone, a strict umask would exclude the user `postgres`. */
async function makeDirectory(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true })
  await chmod(path, mode)
}

async function systemAccount(): Promise<Account> {
  const existing = await findAccount()
  if (existing) return existing
  const created = run('groupadd', ['--system', '--force', 'postgres']).then(() =>
    run('useradd', ['--system', '--gid', 'postgres', '--no-create-home', '--home-dir', rootDirectory, 'postgres']),
  )
  const failure = await created.then(() => undefined).catch((error: unknown) => error)
  // Our useradd fails while another process creates the same user: check for a while.
  const account = await until(findAccount, 5_000)
  if (account) return account
  throw new Error(
    'PostgreSQL does not run as root, and the system user `postgres` could not be created: run as an ordinary user, or set DATABASE_URL.',
    { cause: failure },
  )
}

async function findAccount(): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return undefined
  }
}
