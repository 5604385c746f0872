import { chown, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../ports.ts'
import { mustRun, spawnPeer } from '../processes.ts'
import { makeTempDir, type TempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'

export interface Postgres15 extends Peer {
  /** Of the superuser, to the database `postgres`. */
  url: string
  /** The directory of psql, pg_dump and the others. */
  bin: string
  /** Ends it as a crash does. */
  crash(): Promise<void>
}

const bin = '/usr/lib/postgresql/15/bin'

/** A cluster of Debian's PostgreSQL 15 on loopback, whose package has the tools for backups; root runs it as `postgres`. */
export async function startPostgres15(settings: readonly string[] = []): Promise<Postgres15> {
  const directory = await makeOwnedDir()
  const data = join(directory.path, 'data')
  await mustRun(...asOwner('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync']), { cwd: '/' })
  const { url, server } = await startServer(directory, settings)
  const crash = async () => {
    const [pid] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')
    process.kill(Number(pid), 'SIGKILL')
    await server.exited
  }
  return asPeer({ url, bin, crash }, server.end, directory.remove)
}

export interface Standby extends Peer {
  url: string
  /** Makes it the primary. */
  promote(): Promise<void>
}

/** A streaming replica of a server, named `standby` for `synchronous_standby_names`. */
export async function startStandby(primaryUrl: string): Promise<Standby> {
  const directory = await makeOwnedDir()
  const data = join(directory.path, 'data')
  const primary = new URL(primaryUrl)
  primary.searchParams.set('application_name', 'standby')
  await mustRun(...asOwner('pg_basebackup', ['-D', data, '-d', primary.href, '-R', '-X', 'stream', '-c', 'fast']), {
    cwd: '/',
  })
  const { url, server } = await startServer(directory, [])
  const promote = async () => {
    await mustRun(...asOwner('pg_ctl', ['-D', data, '-w', 'promote']), { cwd: '/' })
  }
  return asPeer({ url, promote }, server.end, directory.remove)
}

const isRoot = process.getuid?.() === 0

const asOwner = (command: string, args: readonly string[]): [string, string[]] =>
  isRoot ? ['runuser', ['-u', 'postgres', '--', join(bin, command), ...args]] : [join(bin, command), [...args]]

async function makeOwnedDir(): Promise<TempDir> {
  const directory = await makeTempDir('postgres15')
  if (isRoot) await chown(directory.path, ...(await idsOf('postgres')))
  return directory
}

async function startServer(directory: TempDir, settings: readonly string[]) {
  const port = await freePort()
  const all = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${directory.path}`,
    'fsync=off',
    ...settings,
  ]
  const args = ['-D', join(directory.path, 'data'), ...all.flatMap((setting) => ['-c', setting])]
  const server = await spawnPeer(...asOwner('postgres', args), { ready: /ready to accept (?:read-only )?connections/ })
  return { url: `postgresql://postgres@127.0.0.1:${port}/postgres`, server }
}

export async function idsOf(user: string): Promise<[number, number]> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => mustRun('id', [flag, user])))
  return [Number(uid), Number(gid)]
}
