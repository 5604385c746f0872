import { chmod, chown, copyFile, writeFile } from 'node:fs/promises'
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

export interface TcpOptions {
  /** Lines of pg_hba.conf; default: every client on loopback is trusted, which the service never does. */
  access?: readonly string[]
  /** Files of a certificate, its key, and the authority of clients. */
  tls?: { certPath: string; keyPath: string; caPath: string }
}

/** Prepares a cluster in `dataDir` that listens on TCP. */
export async function prepareTcpPostgres(
  dataDir: string,
  settings: readonly string[],
  { access: lines = ['host all all 127.0.0.1/32 trust'], tls }: TcpOptions = {},
): Promise<TcpPostgres> {
  const directories = await prepareDirectory(dataDir, () => {})
  await initialise(directories, () => {})
  const { postgres } = await loadBinaries(directories)
  const access = join(dirname(directories.cluster), 'tests_hba.conf')
  await writeFile(access, lines.map((line) => `${line}\n`).join(''), { mode: 0o644 })
  const secure = tls ? await installTls(dirname(directories.cluster), tls, directories.account) : []
  const port = await freePort()
  const own = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', `hba_file=${access}`]
  const argv = ['-D', directories.cluster, ...[...own, ...secure, ...settings].flatMap((setting) => ['-c', setting])]
  const { account } = directories
  return {
    command: account
      ? ['setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups', postgres, ...argv]
      : [postgres, ...argv],
    port,
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
  }
}

/** PostgreSQL takes a key only of its own user, readable by no other. */
async function installTls(
  home: string,
  { certPath, keyPath, caPath }: { certPath: string; keyPath: string; caPath: string },
  account: { uid: number; gid: number } | undefined,
): Promise<string[]> {
  const copy = async (name: string, from: string) => {
    const path = join(home, name)
    await copyFile(from, path)
    await chmod(path, 0o600)
    if (account) await chown(path, account.uid, account.gid)
    return path
  }
  return [
    'ssl=on',
    `ssl_cert_file=${await copy('server.crt', certPath)}`,
    `ssl_key_file=${await copy('server.key', keyPath)}`,
    `ssl_ca_file=${await copy('ca.crt', caPath)}`,
  ]
}
