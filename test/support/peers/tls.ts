import {
  type Authority,
  type Certificate,
  type CertificateOptions,
  createAuthority,
  peerAuthority,
} from '../certificates.ts'
import { spawnPeer } from '../processes.ts'
import { type At, asPeer, type Peer } from './peer.ts'
import { defaultVersions, oldCiphers, type TlsSite } from './tls-site.ts'

/** The name that all certificates but one are issued for, beside the address 127.0.0.1. */
export const tlsHostName = 'good.lab.test'

const request: CertificateOptions = { commonName: tlsHostName, subjectAltName: `DNS:${tlsHostName},IP:127.0.0.1` }
const fromPeers = (change: Partial<CertificateOptions>) => async () =>
  (await peerAuthority()).issue({ ...request, ...change })

const makers = {
  good: fromPeers({}),
  soon: fromPeers({ toDays: 5.5 }),
  expired: fromPeers({ fromDays: -30, toDays: -1 }),
  'not-yet-valid': fromPeers({ fromDays: 2 }),
  weak: fromPeers({ key: 'rsa:1024' }),
  'wrong-name': fromPeers({ commonName: 'other.lab.test', subjectAltName: 'DNS:other.lab.test' }),
  'self-signed': async () => (await peerAuthority()).selfSign(request),
  'must-staple': fromPeers({ mustStaple: true }),
  revoked: async () => {
    const [authority, certificate] = [await peerAuthority(), await fromPeers({})()]
    await authority.revoke(certificate)
    return certificate
  },
  'other-ca': async () => (await createAuthority('Other CA')).issue(request),
} satisfies Record<string, () => Promise<Certificate>>

export type CertificateName = keyof typeof makers

const made = new Map<CertificateName, Promise<Certificate>>()

/** A certificate by name, made once per process. All but `self-signed` and `other-ca` are issued by `peerAuthority()`. */
export function tlsCertificate(name: CertificateName): Promise<Certificate> {
  const certificate = made.get(name) ?? makers[name]()
  made.set(name, certificate)
  return certificate
}

const stapled = async (ca: Authority, certificate: Certificate) => ['-status_file', await ca.ocspResponse(certificate)]
const old = ['-cipher', oldCiphers]
const clientCertificate = ({ caPath }: Authority) => ['-Verify', '1', '-verify_return_error', '-CAfile', caPath]

interface Variant {
  certificate: CertificateName
  args: (authority: Authority, certificate: Certificate) => string[] | Promise<string[]>
}

/** What each variant is by name; `good` sends its CA too and speaks ALPN h2 and http/1.1. */
const variants = {
  good: { certificate: 'good', args: ({ caPath }) => ['-cert_chain', caPath, '-alpn', 'h2,http/1.1'] },
  'tls1.0': { certificate: 'good', args: () => ['-tls1', ...old] },
  'tls1.1': { certificate: 'good', args: () => ['-tls1_1', ...old] },
  'tls1.2': { certificate: 'good', args: () => ['-tls1_2'] },
  'tls1.3': { certificate: 'good', args: () => ['-tls1_3'] },
  'tls1.0-and-newer': { certificate: 'good', args: () => ['-min_protocol', 'TLSv1', ...old] },
  brainpool: { certificate: 'good', args: () => ['-tls1_2', '-groups', 'brainpoolP256r1'] },
  // A client that knows this group offers it in TLS 1.3 by another number, RFC 8734.
  'no-common-group': { certificate: 'good', args: () => ['-tls1_3', '-groups', 'brainpoolP256r1'] },
  'client-certificate-tls1.2': { certificate: 'good', args: (ca) => ['-tls1_2', ...clientCertificate(ca)] },
  'client-certificate-tls1.3': { certificate: 'good', args: (ca) => ['-tls1_3', ...clientCertificate(ca)] },
  'ocsp-stapled': {
    certificate: 'good',
    args: stapled,
  },
  'ocsp-stapled-tls1.2': { certificate: 'good', args: async (...of) => ['-tls1_2', ...(await stapled(...of))] },
  'ocsp-revoked': { certificate: 'revoked', args: stapled },
  'ocsp-revoked-tls1.2': { certificate: 'revoked', args: async (...of) => ['-tls1_2', ...(await stapled(...of))] },
  'ocsp-of-another': { certificate: 'good', args: async (ca) => stapled(ca, await tlsCertificate('revoked')) },
  'ocsp-unknown': {
    certificate: 'good',
    args: async (ca, certificate) => ['-status_file', await ca.ocspResponse(certificate, { unknown: true })],
  },
  'must-staple': { certificate: 'must-staple', args: () => [] },
  'must-staple-stapled': { certificate: 'must-staple', args: stapled },
  soon: { certificate: 'soon', args: () => [] },
  expired: { certificate: 'expired', args: () => [] },
  'not-yet-valid': { certificate: 'not-yet-valid', args: () => [] },
  weak: { certificate: 'weak', args: () => old },
  'wrong-name': { certificate: 'wrong-name', args: () => [] },
  'self-signed': { certificate: 'self-signed', args: () => [] },
  'other-ca': { certificate: 'other-ca', args: () => [] },
} satisfies Record<string, Variant>

export type TlsVariant = keyof typeof variants
export const tlsVariants = Object.keys(variants) as TlsVariant[]

export interface TlsPeer extends Peer {
  host: string
  port: number
  hostName: string
  certificate: Certificate
  ca: string
  caPath: string
}

/**
 * A real `openssl s_server`. It serves one connection at a time (a silent client holds all others) and responds to `GET`
 * with a page of its own, but no other method.
 */
export async function startTls(name: TlsVariant, { host = '127.0.0.1', port = 0 }: At = {}): Promise<TlsPeer> {
  const variant: Variant = variants[name]
  const authority = await peerAuthority()
  const certificate = await tlsCertificate(variant.certificate)
  const { stop, ...at } = await startServer(certificate, await variant.args(authority, certificate), { host, port })
  const { ca, caPath } = authority
  return asPeer({ ...at, hostName: tlsHostName, certificate, ca, caPath }, stop)
}

/** The same server for one site. */
export function startOpenssl(site: TlsSite): Promise<Peer & { host: string; port: number }> {
  const { certificate, leafOnly, versions = defaultVersions, alpn, clientCa, staple } = site
  return startServer(certificate, [
    ...(leafOnly ? [] : ['-cert_chain', certificate.chainPath]),
    ...['-min_protocol', versions[0] ?? '', '-max_protocol', versions.at(-1) ?? '', '-cipher', oldCiphers],
    ...(alpn ? ['-alpn', alpn.join(',')] : []),
    ...(staple ? ['-status_file', staple] : []),
    ...(clientCa ? ['-Verify', '1', '-verify_return_error', '-CAfile', clientCa] : []),
  ])
}

async function startServer(certificate: Certificate, options: readonly string[], at: At = {}) {
  const { host = '127.0.0.1', port = 0 } = at
  const listening = ['s_server', '-accept', `${host}:${port}`, '-www']
  const args = [...listening, '-cert', certificate.certPath, '-key', certificate.keyPath, ...options]
  const server = await spawnPeer('openssl', args, { ready: /ACCEPT \S+:\d+/ })
  const [, actual] = await server.logged(/ACCEPT \S+:(\d+)/)
  return asPeer({ host, port: Number(actual) }, server.end)
}
