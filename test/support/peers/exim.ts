import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { type Certificate, peerAuthority } from '../certificates.ts'
import { freePort } from '../ports.ts'
import { mustRun, spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { type At, asPeer, type Peer } from './peer.ts'

interface EximOptions extends At {
  /** False: STARTTLS is not offered. */
  tls?: boolean
  /** Default: one for `hostName`, `localhost` and the address. */
  certificate?: Certificate
  /** Main options. */
  extra?: string
}

export interface Exim extends Peer {
  host: string
  port: number
  hostName: string
  ca: string
  /** The main log, which distinguishes QUIT and lost connections. */
  log: () => Promise<string>
}

const hostName = 'mail.lab.test'

/** A real Exim that takes no mail: each recipient is refused. */
export async function startExim(options: EximOptions = {}): Promise<Exim> {
  const { host = '127.0.0.1', port = await freePort(host) } = options
  const authority = await peerAuthority()
  const names = `DNS:${hostName},DNS:localhost,IP:${host}`
  const certificate = options.certificate ?? (await authority.issue({ commonName: hostName, subjectAltName: names }))
  const directory = await makeTempDir('exim')
  try {
    const { path } = directory
    await chmod(path, 0o755) // Exim serves as a user of its own
    for (const folder of ['spool', 'log']) await mkdir(`${path}/${folder}`)
    await copyFile(certificate.chainPath, `${path}/tls.crt`)
    await copyFile(certificate.keyPath, `${path}/tls.key`)
    await writeFile(`${path}/exim.conf`, configuration(path, options), { mode: 0o644 })
    await mustRun('chown', ['-R', 'Debian-exim', `${path}/spool`, `${path}/log`, `${path}/tls.key`])
    const ports = { host, ports: [port] }
    const listening = ['-oX', `<; [${host}]:${port}`, '-oP', `${path}/exim.pid`]
    const exim = await spawnPeer('exim4', ['-C', `${path}/exim.conf`, '-bdf', ...listening], { ports })
    const log = () => readFile(`${path}/log/mainlog`, 'utf8').catch(() => '')
    return asPeer({ host, port, hostName, ca: authority.ca, log }, exim.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}

function configuration(directory: string, { tls = true, extra = '' }: EximOptions): string {
  return [
    extra,
    `primary_hostname = ${hostName}`,
    `spool_directory = ${directory}/spool`,
    `log_file_path = ${directory}/log/%slog`,
    'log_selector = +smtp_connection +tls_peerdn',
    `tls_advertise_hosts = ${tls ? '*' : ''}`,
    `tls_certificate = ${directory}/tls.crt`,
    `tls_privatekey = ${directory}/tls.key`,
    // No name resolution: nothing beyond this machine is reached.
    'host_lookup =',
    'helo_lookup_domains =',
    'rfc1413_query_timeout = 0s',
    'acl_smtp_rcpt = deny',
    'begin acl',
    'deny:',
    '  deny',
    '',
  ].join('\n')
}
