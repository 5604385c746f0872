import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { clusterHome } from '../../src/store/db/embedded/index.ts'
import { databaseUrl, query } from './database-server.ts'
import { asPeer, type Peer } from './peers/peer.ts'
import { type PeerProcess, spawnPeer } from './processes.ts'
import { afterDeath } from './reaper.ts'
import { prepareTcpPostgres, type TcpOptions } from './tcp-postgres.ts'
import { makeTempDir } from './temp-dir.ts'

export interface StoppablePostgres extends Peer {
  /** An empty database of it. */
  url: string
  /** Ends the server as a crash would (PostgreSQL's "immediate" shutdown). */
  crash(): Promise<void>
  /** Starts it again, at the same port. */
  start(): Promise<void>
  /** Stops it, and starts it as a standby, which takes no changes. */
  becomeStandby(): Promise<void>
  /** Ends every connection to the database. */
  cutConnections(): Promise<void>
}

/** A PostgreSQL server of one's own, for tests of what happens when it goes away. */
export async function startStoppablePostgres(options: TcpOptions = {}): Promise<StoppablePostgres> {
  const directory = await makeTempDir('stoppable')
  const dataDir = join(directory.path, 'data')
  const home = clusterHome(dataDir)
  const forgetFiles = afterDeath(['rm', '-rf', home])
  const { command, url } = await prepareTcpPostgres(dataDir, ['max_connections=150', 'fsync=off'], options)

  let server: PeerProcess
  const start = async () => {
    const [name, ...rest] = command
    server = await spawnPeer(name, rest, {
      ready: /ready to accept (read-only )?connections/,
      env: { PATH: process.env.PATH },
    })
  }
  const crash = async () => {
    process.kill(server.pid, 'SIGQUIT')
    await server.exited
  }
  await start()
  await query(url, ['CREATE DATABASE portwarden'])
  const facts = {
    url: databaseUrl(url, 'portwarden'),
    start,
    crash,
    becomeStandby: async () => {
      await crash()
      await writeFile(join(home, 'postgres', 'standby.signal'), '', { mode: 0o644 })
      await start()
    },
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
