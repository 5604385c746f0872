import { writeFile } from 'node:fs/promises'
import { type Certificate, peerAuthority } from '../certificates.ts'
import { freePort } from '../ports.ts'
import { spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'

interface XrdpOptions {
  securityLayer?: 'negotiate' | 'tls' | 'rdp'
  /** Default: one for `hostName`. */
  certificate?: Certificate
  protocols?: string
}

export interface Xrdp extends Peer {
  host: string
  port: number
  hostName: string
  ca: string
}

const hostName = 'desktop.lab.test'

/** A real xrdp without sessions. */
export async function startXrdp(options: XrdpOptions = {}): Promise<Xrdp> {
  const { securityLayer = 'negotiate', protocols = 'TLSv1.2, TLSv1.3' } = options
  const host = '127.0.0.1'
  const port = await freePort(host)
  const { issue, ca } = await peerAuthority()
  const certificate =
    options.certificate ?? (await issue({ commonName: hostName, subjectAltName: `DNS:${hostName},IP:${host}` }))
  const directory = await makeTempDir('xrdp')
  try {
    const config = `${directory.path}/xrdp.ini`
    const lines = [
      ...['[Globals]', 'ini_version=1', 'fork=true', `port=tcp://${host}:${port}`, 'crypt_level=high'],
      ...[`security_layer=${securityLayer}`, `ssl_protocols=${protocols}`],
      ...[`certificate=${certificate.chainPath}`, `key_file=${certificate.keyPath}`],
      ...['[Logging]', `LogFile=${directory.path}/xrdp.log`, 'LogLevel=INFO', 'EnableSyslog=false'],
    ]
    await writeFile(config, `${lines.join('\n')}\n`)
    const xrdp = await spawnPeer('xrdp', ['--nodaemon', '--config', config], { ports: { host, ports: [port] } })
    return asPeer({ host, port, hostName, ca }, xrdp.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}
