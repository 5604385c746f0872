import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { curlHttp, curlHttps, curlRefused } from '../oracles/http.ts'
import type { PeerName } from '../peers/index.ts'
import type { Row } from '../row.ts'

const webServers: readonly PeerName[] = ['nginx', 'Apache', 'haproxy']
const clearStatuses = [200, 301, 308, 400, 401, 403, 404, 426, 503]
const tlsSites = ['good', 'tls-403', 'tls-404', 'tls-500', 'tls-redirect', 'tls-hsts', 'h2-and-1.1', 'h2-only']

const required = 'tls-client-certificate-required'
/** nginx completes the handshake and refuses with 400. */
const clientCertificates: [peer: PeerName, version: string, reason?: ReasonCode][] = [
  ['nginx', '1.2'],
  ['nginx', '1.3'],
  ['Apache', '1.2', required],
  ['Apache', '1.3', required],
  ['haproxy', '1.2', required],
  ['haproxy', '1.3', required],
  ['stunnel', '1.2', required],
  ['stunnel', '1.3', required],
  ['OpenSSL', '1.2', required],
  ['OpenSSL', '1.3', required],
  ['GnuTLS', '1.2', required],
  ['GnuTLS', '1.3', required],
]

const served = (peer: PeerName, site: string, text: string, reason?: ReasonCode): Row => ({
  case: `HTTPS: ${text}`,
  peer,
  site,
  claim: { builtIn: 'client-https' },
  oracle: curlHttps,
  verdict: reason ? 'fail' : 'pass',
  reason,
})

const encrypted = (peer: PeerName, site: string, text: string, reason?: ReasonCode): Row => ({
  case: `clear HTTP: ${text}`,
  peer,
  site,
  claim: { builtIn: 'client-https-encrypted' },
  oracle: curlHttp,
  verdict: reason ? 'fail' : 'pass',
  reason,
})

export const httpRows: readonly Row[] = [
  ...webServers.flatMap((peer) => tlsSites.map((site) => served(peer, site, `${site} responds`))),
  served('stunnel', 'good', 'a server behind stunnel responds'),
  served('GnuTLS', 'good', 'responds to GET, not to HEAD'),
  served('OpenSSL', 'good', 'responds to GET, not to HEAD'),
  ...clientCertificates.map(([peer, version, reason]) =>
    served(peer, `client-certificate-${version}`, `a client certificate is demanded, TLS ${version}`, reason),
  ),
  ...webServers.map((peer) => served(peer, 'clear-200', 'a port without TLS', 'protocol-mismatch')),
  ...webServers.flatMap((peer) =>
    clearStatuses.map((status) =>
      encrypted(peer, `clear-${status}`, `status ${status} on a port without TLS`, 'plain-http-served'),
    ),
  ),
  ...(['stunnel', 'OpenSSL', 'GnuTLS', 'haproxy'] as const).map((peer) =>
    encrypted(peer, 'good', 'a TLS port that does not respond to it'),
  ),
  ...(['nginx', 'Apache'] as const).map((peer) => ({
    ...encrypted(peer, 'good', 'a TLS port that refuses it with 400'),
    oracle: curlRefused,
  })),
]
