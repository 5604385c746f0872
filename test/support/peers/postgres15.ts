import { chown } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../ports.ts'
import { mustRun, spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'

export interface Postgres15 extends Peer {
  /** Of the superuser, to the database `postgres`. */
  url: string
  /** The directory of psql, pg_dump and the others. */
  bin: string
}

const bin = '/usr/lib/postgresql/15/bin'

/** A cluster of Debian's PostgreSQL 15 on loopback, whose package has the tools for backups; root runs it as `postgres`. */
export async function startPostgres15(): Promise<Postgres15> {
  const directory = await makeTempDir('postgres15')
  const data = join(directory.path, 'data')
  const isRoot = process.getuid?.() === 0
  if (isRoot) await chown(directory.path, ...(await idsOf('postgres')))
  const asOwner = (command: string, args: readonly string[]): [string, string[]] =>
    isRoot ? ['runuser', ['-u', 'postgres', '--', join(bin, command), ...args]] : [join(bin, command), [...args]]
  await mustRun(...asOwner('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync']), { cwd: '/' })
  const port = await freePort()
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${directory.path}`,
    'fsync=off',
  ]
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])]
  const server = await spawnPeer(...asOwner('postgres', args), { ready: /ready to accept connections/ })
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`
  return asPeer({ url, bin }, server.end, directory.remove)
}

export async function idsOf(user: string): Promise<[number, number]> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => mustRun('id', [flag, user])))
  return [Number(uid), Number(gid)]
}
