import { chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../ports.ts'
import { spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'
import { idsOf } from './postgres15.ts'

export interface Pgbouncer extends Peer {
  /** The same database through the pooler. */
  url: string
}

/** A real pgbouncer with `pool_mode = transaction` in front of the server of a URL; root runs it as `postgres`. */
export async function startPgbouncer(databaseUrl: string, settings: readonly string[] = []): Promise<Pgbouncer> {
  const { hostname, port: serverPort, username, pathname } = new URL(databaseUrl)
  const directory = await makeTempDir('pgbouncer')
  const port = await freePort()
  const file = join(directory.path, 'pgbouncer.ini')
  const lines = [
    '[databases]',
    `* = host=${hostname} port=${serverPort} user=${username}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'server_idle_timeout = 5',
    ...settings,
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const isRoot = process.getuid?.() === 0
  if (isRoot) for (const path of [directory.path, file]) await chown(path, ...(await idsOf('postgres')))
  const command = ['pgbouncer', file] as const
  const pooler = await (isRoot
    ? spawnPeer('runuser', ['-u', 'postgres', '--', ...command], { ready: /process up/ })
    : spawnPeer(command[0], [command[1]], { ready: /process up/ }))
  return asPeer({ url: `postgresql://${username}@127.0.0.1:${port}${pathname}` }, pooler.end, directory.remove)
}
