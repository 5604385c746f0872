import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../ports.ts'
import { spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'
import { around, programs } from './reverse-proxy.ts'
import { defaultVersions, oldCiphers, sentPath, type TlsSite } from './tls-site.ts'

export const webServers = ['nginx', 'apache', 'haproxy'] as const
export type WebServer = (typeof webServers)[number]

/** A listener of a web server. */
export interface WebSite {
  /** Without it the listener serves clear HTTP. */
  tls?: TlsSite
  /** Default 200. */
  status?: number
  /** Of a redirect. */
  location?: string
  /** The value of Strict-Transport-Security. */
  hsts?: string
}

export interface Sites<Name extends string> extends Peer {
  host: string
  ports: Record<Name, number>
}

export const siteHost = '127.0.0.1'
const host = siteHost
/** One real web server with a listener for each site. */
export async function startWebSites<Name extends string>(
  kind: WebServer,
  sites: Readonly<Record<Name, WebSite>>,
): Promise<Sites<Name>> {
  const directory = await makeTempDir(kind)
  try {
    const ports = await portsFor(sites)
    const listeners = (Object.keys(sites) as Name[]).map((name) => ({ name, port: ports[name], ...sites[name] }))
    const both = await Promise.all(listeners.map((listener) => writeBoth(directory.path, listener)))
    const texts = listeners.map((listener, index) => describe[kind](listener, both[index] ?? ''))
    const file = join(directory.path, 'sites.conf')
    await writeFile(file, around[kind](directory.path, [preamble[kind], ...texts, ''].join('\n')))
    const { command, args, ready } = programs[kind](directory.path, file)
    const server = await spawnPeer(command, args, { ready })
    return asPeer({ host, ports }, server.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}

/** A free port for each site. */
export async function portsFor<Name extends string>(
  sites: Readonly<Record<Name, unknown>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(sites) as Name[]
  const ports = await freePorts(names.length)
  return Object.fromEntries(names.map((name, index) => [name, ports[index]])) as Record<Name, number>
}

interface Listener extends WebSite {
  name: string
  port: number
}

/** haproxy wants certificates and key in one file. */
async function writeBoth(directory: string, { name, tls }: Listener): Promise<string> {
  const path = join(directory, `${name}.both.pem`)
  if (tls) await writeFile(path, (await readFile(sentPath(tls), 'utf8')) + tls.certificate.key)
  return path
}

const preamble: Record<WebServer, string> = {
  nginx: '',
  apache: ['alias', 'headers', 'http2', 'rewrite']
    .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
    .join('\n'),
  haproxy: 'defaults\n  mode http\n  timeout client 10s\n  timeout server 10s\n  timeout connect 10s',
}

const describe: Record<WebServer, (listener: Listener, both: string) => string> = {
  nginx: ({ port, tls, status = 200, location, hsts }) => `
server {
  listen ${host}:${port} ${tls ? 'ssl' : ''} ${tls?.alpn?.includes('h2') ? 'http2' : ''};
  ${hsts ? `add_header Strict-Transport-Security "${hsts}" always;` : ''}
  ${
    tls
      ? `
  ssl_ciphers ${oldCiphers};
  ssl_protocols ${(tls.versions ?? defaultVersions).join(' ')};
  ssl_certificate ${sentPath(tls)};
  ssl_certificate_key ${tls.certificate.keyPath};
  ${tls.staple ? `ssl_stapling on; ssl_stapling_file ${tls.staple};` : ''}
  ${tls.clientCa ? `ssl_verify_client on; ssl_client_certificate ${tls.clientCa};` : ''}`
      : ''
  }
  location / { return ${status} ${location ?? '"peer\\n"'}; }
}`,
  apache: ({ port, tls, status = 200, location, hsts }) => `
Listen ${host}:${port}
<VirtualHost ${host}:${port}>
  ${hsts ? `Header always set Strict-Transport-Security "${hsts}"` : ''}
  ${
    tls
      ? `
  SSLEngine on
  SSLCipherSuite ${oldCiphers}
  SSLProtocol ${(tls.versions ?? defaultVersions).map((version) => `+${version}`).join(' ')}
  SSLCertificateFile ${sentPath(tls)}
  SSLCertificateKeyFile ${tls.certificate.keyPath}
  ${tls.alpn ? `Protocols ${tls.alpn.join(' ')}` : ''}
  ${tls.clientCa ? `SSLVerifyClient require\n  SSLCACertificateFile ${tls.clientCa}` : ''}`
      : ''
  }
  RewriteEngine on
  RewriteRule ^ ${location ?? '-'} [R=${status},L]
</VirtualHost>`,
  haproxy: ({ name, port, tls, status = 200, location, hsts }, both) => `
frontend ${name}
  bind ${host}:${port} ${tls ? haproxyTls(tls, both) : ''}
  ${hsts ? `http-after-response set-header Strict-Transport-Security "${hsts}"` : ''}
  http-request ${location ? `redirect location ${location} code ${status}` : `return status ${status} content-type text/plain string peer`}`,
}

function haproxyTls({ versions = defaultVersions, alpn, clientCa }: TlsSite, both: string): string {
  const [oldest, newest] = [versions[0], versions.at(-1)].map((version) => version?.replace(/v1$/, 'v1.0'))
  return [
    `ssl crt ${both} ciphers ${oldCiphers} ssl-min-ver ${oldest} ssl-max-ver ${newest}`,
    ...(alpn ? [`alpn ${alpn.join(',')}`] : []),
    ...(clientCa ? [`ca-file ${clientCa} verify required`] : []),
  ].join(' ')
}
