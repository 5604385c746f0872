import { type Certificate, peerAuthority } from '../certificates.ts'
import { freePort } from '../ports.ts'
import { spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { type At, asPeer, type Peer } from './peer.ts'

interface RedisOptions extends At {
  password?: string
  /** The port speaks TLS alone; `mutual` also demands a certificate of the client. */
  tls?: 'server' | 'mutual'
  /** More arguments, as `redis-server` has them. */
  extra?: readonly string[]
}

interface Redis extends Peer {
  host: string
  hostName: string
  port: number
  ca: string
  certificate: Certificate
}

/** A real redis-server that stores nothing; without a password it serves everyone who can reach it. */
export async function startRedis({ host = '127.0.0.1', tls, password, ...options }: RedisOptions = {}): Promise<Redis> {
  const hostName = 'redis.lab.test'
  const { issue, ca, caPath } = await peerAuthority()
  const certificate = await issue({ commonName: hostName, subjectAltName: `DNS:${hostName},IP:${host}` })
  const directory = await makeTempDir('redis')
  const port = options.port ?? (await freePort(host))
  const settings = {
    bind: host,
    dir: directory.path,
    save: '',
    appendonly: 'no',
    'protected-mode': 'no',
    ...(password !== undefined && { requirepass: password }),
    ...(tls === undefined
      ? { port: `${port}` }
      : {
          port: '0',
          'tls-port': `${port}`,
          'tls-cert-file': certificate.certPath,
          'tls-key-file': certificate.keyPath,
          'tls-ca-cert-file': caPath,
          'tls-auth-clients': tls === 'mutual' ? 'yes' : 'no',
        }),
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  try {
    const server = await spawnPeer('redis-server', [...args, ...(options.extra ?? [])], {
      ready: /Ready to accept connections/,
    })
    return asPeer({ host, hostName, port, ca, certificate }, server.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}
