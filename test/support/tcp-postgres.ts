import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { loadBinaries } from '../../src/store/db/embedded/binaries.ts'
import { prepareDirectory } from '../../src/store/db/embedded/directories.ts'
import { initialise } from '../../src/store/db/embedded/postmaster.ts'
import { freePort } from './ports.ts'

/** How to start a server of the tests: on loopback, for whom a relay or another user of this machine may stand in. */
export interface TcpPostgres {
  command: [string, ...string[]]
  port: number
  /** Of the superuser, to the database `postgres`. */
  url: string
}

/** Prepares a cluster in `dataDir` that trusts every TCP client, which the service never does. */
export async function prepareTcpPostgres(dataDir: string, settings: readonly string[]): Promise<TcpPostgres> {
  const directories = await prepareDirectory(dataDir, () => {})
  await initialise(directories, () => {})
  const { postgres } = await loadBinaries(directories.account)
  const access = join(dirname(directories.cluster), 'tests_hba.conf')
  await writeFile(access, 'host all all 127.0.0.1/32 trust\n', { mode: 0o644 })
  const port = await freePort()
  const own = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', `hba_file=${access}`]
  const argv = ['-D', directories.cluster, ...[...own, ...settings].flatMap((setting) => ['-c', setting])]
  const { account } = directories
  return {
    command: account
      ? ['setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups', postgres, ...argv]
      : [postgres, ...argv],
    port,
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
  }
}
