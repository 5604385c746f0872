import { writeFile } from 'node:fs/promises'
import { type Certificate, peerAuthority } from '../certificates.ts'
import { freePorts } from '../ports.ts'
import { spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'

interface NginxOptions {
  host?: string
  /** Default: free ports. */
  ports?: { https: number; http: number }
  /** Default: issued by `peerAuthority()` for `hostName`, `localhost` and the address. */
  certificate?: Certificate
  /** The value of Strict-Transport-Security; none by default. */
  hsts?: string
  /** nginx's words; default `TLSv1.2 TLSv1.3`. */
  protocols?: string
  /** More lines of the server with TLS. */
  extra?: string
}

interface Nginx extends Peer {
  host: string
  hostName: string
  /** HTTPS; the response to plain HTTP here is 400. */
  port: number
  httpPort: number
  certificate: Certificate
  ca: string
  caPath: string
  log: () => string
}

/** A real nginx that responds to every path with 200, over TLS and on a plain port. */
export async function startNginx(options: NginxOptions = {}): Promise<Nginx> {
  const { host = '127.0.0.1', ports } = options
  const hostName = 'www.lab.test'
  const { issue, ca, caPath } = await peerAuthority()
  const certificate =
    options.certificate ??
    (await issue({ commonName: hostName, subjectAltName: `DNS:${hostName},DNS:localhost,IP:${host}` }))
  const directory = await makeTempDir('nginx')
  try {
    const [port = 0, httpPort = 0] = ports ? [ports.https, ports.http] : await freePorts(2, host)
    const config = `${directory.path}/nginx.conf`
    await writeFile(config, nginxConfig(directory.path, { ...options, host, port, httpPort, certificate }))
    // -e: where it writes before it has read the configuration, which is not ours to write elsewhere.
    const args = ['-p', directory.path, '-e', 'stderr', '-c', config]
    const nginx = await spawnPeer('nginx', args, { ready: /start worker processes/ })
    return asPeer(
      { host, hostName, port, httpPort, certificate, ca, caPath, log: nginx.log },
      nginx.end,
      directory.remove,
    )
  } catch (error) {
    await directory.remove()
    throw error
  }
}

interface NginxSettings extends NginxOptions {
  host: string
  port: number
  httpPort: number
  certificate: Certificate
}

function nginxConfig(directory: string, settings: NginxSettings): string {
  const { host, port, httpPort, certificate, hsts, protocols = 'TLSv1.2 TLSv1.3', extra = '' } = settings
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr notice;
events { worker_connections 1024; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join('\n  ')}
  server {
    listen ${host}:${port} ssl;
    ssl_certificate ${certificate.chainPath};
    ssl_certificate_key ${certificate.keyPath};
    ssl_protocols ${protocols};
    ${hsts === undefined ? '' : `add_header Strict-Transport-Security "${hsts}" always;`}
    ${extra}
    location / { return 200 "peer\\n"; }
  }
  server {
    listen ${host}:${httpPort};
    location / { return 200 "peer\\n"; }
  }
}
`
}
