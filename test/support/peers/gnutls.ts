import { freePort } from '../ports.ts'
import { spawnPeer } from '../processes.ts'
import { asPeer, type Peer } from './peer.ts'
import { defaultVersions, sentPath, type TlsSite } from './tls-site.ts'

interface Gnutls extends Peer {
  host: string
  port: number
}

/** A real gnutls-serv, the server of the GnuTLS library, which responds to `GET` with a page of its own. */
export async function startGnutls(site: TlsSite): Promise<Gnutls> {
  const host = '127.0.0.1'
  const port = await freePort(host)
  const { certificate, versions = defaultVersions, alpn = [], clientCa } = site
  const accepted = versions.map((version) => `+VERS-${version === 'TLSv1' ? 'TLS1.0' : version.replace('v', '')}`)
  const args = [
    ...['--http', '--quiet', '--port', String(port)],
    ...['--x509certfile', sentPath(site), '--x509keyfile', certificate.keyPath],
    ...['--priority', ['NORMAL:%VERIFY_ALLOW_SIGN_WITH_SHA1:-VERS-ALL', ...accepted].join(':')],
    ...alpn.flatMap((protocol) => ['--alpn', protocol]),
    ...(clientCa
      ? ['--x509cafile', clientCa, '--require-client-cert', '--verify-client-cert']
      : ['--disable-client-cert']),
  ]
  const server = await spawnPeer('gnutls-serv', args, { ports: { host, ports: [port] } })
  return asPeer({ host, port }, server.end)
}
