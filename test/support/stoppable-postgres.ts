import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { loadBinaries } from '../../src/store/db/embedded/binaries.ts'
import { prepareDirectory } from '../../src/store/db/embedded/directories.ts'
import { clusterHome } from '../../src/store/db/embedded/index.ts'
import { initialise, readPassword } from '../../src/store/db/embedded/postmaster.ts'
import { databaseUrl, query } from './database-server.ts'
import { asPeer, type Peer } from './peers/peer.ts'
import { freePort } from './ports.ts'
import { type PeerProcess, spawnPeer } from './processes.ts'
import { afterDeath } from './reaper.ts'
import { makeTempDir } from './temp-dir.ts'

export interface StoppablePostgres extends Peer {
  /** An empty database of it. */
  url: string
  /** Ends the server as a crash would (PostgreSQL's "immediate" shutdown). */
  crash(): Promise<void>
  /** Starts it again, at the same port. */
  start(): Promise<void>
  /** Ends every connection to the database. */
  cutConnections(): Promise<void>
}

/** A PostgreSQL server of one's own, for tests of what happens when it goes away. */
export async function startStoppablePostgres(): Promise<StoppablePostgres> {
  const directory = await makeTempDir('stoppable')
  const place = await prepareDirectory(join(directory.path, 'data'), () => {})
  const home = clusterHome(place.dataDir)
  const forgetFiles = afterDeath(['rm', '-rf', home])
  await initialise(place, () => {})
  const { postgres } = await loadBinaries(place.account)
  const port = await freePort()
  const settings = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    'unix_socket_directories=',
    'max_connections=150',
    'fsync=off',
  ]
  const argv = ['-D', place.cluster, ...settings.flatMap((setting) => ['-c', setting])]
  const command: [string, ...string[]] = place.account
    ? ['setpriv', `--reuid=${place.account.uid}`, `--regid=${place.account.gid}`, '--clear-groups', postgres, ...argv]
    : [postgres, ...argv]

  let server: PeerProcess
  const start = async () => {
    const [name, ...rest] = command
    server = await spawnPeer(name, rest, { ready: /ready to accept connections/, env: { PATH: process.env.PATH } })
  }
  const crash = async () => {
    process.kill(server.pid, 'SIGQUIT')
    await server.exited
  }
  await start()
  const url = `postgresql://postgres:${await readPassword(place)}@127.0.0.1:${port}/postgres`
  await query(url, ['CREATE DATABASE portwarden'])
  const facts = {
    url: databaseUrl(url, 'portwarden'),
    start,
    crash,
    cutConnections: async () => {
      await query(url, [`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'portwarden'`])
    },
  }
  const remove = async () => {
    await rm(home, { recursive: true, force: true })
    forgetFiles()
    await directory.remove()
  }
  return asPeer(facts, () => server.end(), remove)
}
