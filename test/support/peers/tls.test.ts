import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { run } from '../processes.ts'
import { describeWithPeers } from './available.ts'
import { startTls, type TlsPeer, type TlsVariant, tlsCertificate } from './tls.ts'

/** What `openssl s_client` reports, verifying against the test authority and the name. */
async function sClient(peer: TlsPeer, ...options: string[]): Promise<string> {
  const trust = ['-CAfile', peer.caPath, '-verify_hostname', peer.hostName, '-servername', peer.hostName]
  const args = ['s_client', '-connect', `${peer.host}:${peer.port}`, ...trust, ...options]
  const { stdout, stderr } = await run('openssl', args)
  return stdout + stderr
}

const oldProtocols = ['-cipher', 'DEFAULT@SECLEVEL=0']

const reports: Record<TlsVariant, { options?: string[]; contains: RegExp[] }> = {
  good: { options: ['-alpn', 'h2'], contains: [/Verify return code: 0/, /ALPN protocol: h2/, / 1 s:CN = /] },
  'tls1.0': { options: ['-tls1', ...oldProtocols], contains: [/Protocol +: TLSv1\n/, /Verify return code: 0/] },
  'tls1.1': { options: ['-tls1_1', ...oldProtocols], contains: [/Protocol +: TLSv1\.1/, /Verify return code: 0/] },
  'tls1.2': { contains: [/New, TLSv1\.2/] },
  'tls1.3': { contains: [/New, TLSv1\.3/] },
  'tls1.0-and-newer': { options: ['-tls1', ...oldProtocols], contains: [/Protocol +: TLSv1\n/] },
  brainpool: { options: ['-groups', 'brainpoolP256r1:P-256'], contains: [/Server Temp Key: ECDH, brainpoolP256r1/] },
  'no-common-group': { contains: [/alert handshake failure/] },
  'client-certificate-tls1.2': { contains: [/alert handshake failure/] },
  // In TLS 1.3 the refusal comes after the handshake: the client must not go at the end of its input.
  'client-certificate-tls1.3': { options: ['-ign_eof'], contains: [/alert certificate required/] },
  'ocsp-stapled': { options: ['-status'], contains: [/OCSP Response Status: successful/, /Cert Status: good/] },
  'ocsp-stapled-tls1.2': { options: ['-status'], contains: [/New, TLSv1\.2/, /Cert Status: good/] },
  'ocsp-revoked': { options: ['-status'], contains: [/Cert Status: revoked/] },
  'ocsp-revoked-tls1.2': { options: ['-status'], contains: [/New, TLSv1\.2/, /Cert Status: revoked/] },
  'ocsp-of-another': { options: ['-status'], contains: [/Cert Status: revoked/] },
  'ocsp-unknown': { options: ['-status'], contains: [/Cert Status: unknown/] },
  'must-staple': { options: ['-status'], contains: [/OCSP response: no response sent/] },
  'must-staple-stapled': { options: ['-status'], contains: [/Cert Status: good/] },
  soon: {
    options: ['-attime', String(Math.floor(Date.now() / 1000) + 6 * 86_400)],
    contains: [/certificate has expired/],
  },
  expired: { contains: [/certificate has expired/] },
  'not-yet-valid': { contains: [/certificate is not yet valid/] },
  weak: { options: oldProtocols, contains: [/Server public key is 1024 bit/] },
  'wrong-name': { contains: [/hostname mismatch/i] },
  'self-signed': { contains: [/self.signed certificate/] },
  'other-ca': { contains: [/unable to get local issuer certificate/] },
}

describeWithPeers(['openssl'], 'openssl s_server', () => {
  test.each(Object.keys(reports) as TlsVariant[])('is, to openssl s_client, the variant %s', async (name) => {
    await using peer = await startTls(name)
    const { options = [], contains } = reports[name]
    const said = await sClient(peer, ...options)
    for (const pattern of contains) expect(said).toMatch(pattern)
  })

  test('makes each certificate once', async () => {
    const [one, other] = await Promise.all([tlsCertificate('good'), tlsCertificate('good')])
    expect(new X509Certificate(one.cert).fingerprint256).toBe(new X509Certificate(other.cert).fingerprint256)
  })
})
