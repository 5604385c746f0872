import { isIP } from 'node:net'
import type { TlsVersion } from '../../../src/domain/protocols/tls.ts'
import type { Listener, Oracle } from '../row.ts'
import { firstIn, output, socketOf, yesOrNo } from './response.ts'

// The handshake itself takes what the peer has; only the verification is strict.
const lenient = ['-cipher', 'DEFAULT@SECLEVEL=0', '-min_protocol', 'TLSv1']
const nameFlags = ({ host }: Listener) =>
  isIP(host) ? ['-verify_ip', host] : ['-servername', host, '-verify_hostname', host]

const sClient = (listener: Listener, args: readonly string[]) =>
  output(
    'openssl',
    ['s_client', '-connect', socketOf(listener), ...nameFlags(listener), '-CAfile', listener.caPath ?? '', ...args],
    'Q\n',
  )

/** Chain, name, dates and strength, as OpenSSL verifies them; 2048-bit RSA and SHA-2 at security level 2. */
export const opensslVerify = (change: { inDays?: number; starttls?: string } = {}): Oracle => {
  const { inDays, starttls } = change
  return {
    name: `openssl s_client${starttls ? ` -starttls ${starttls}` : ''}${inDays ? ` in ${inDays} days` : ''}`,
    needs: ['openssl'],
    ask: async (listener) => {
      const at = inDays ? ['-attime', String(Math.floor(Date.now() / 1000) + inDays * 86_400)] : []
      const { text } = await sClient(listener, [
        ...[...lenient, '-auth_level', '2', ...at],
        ...(starttls ? ['-starttls', starttls] : []),
      ])
      const code = firstIn(text, /Verify return code: (.*)/)
      const sent = /BEGIN CERTIFICATE/.test(text)
      return yesOrNo(
        sent && code === '0 (ok)',
        sent ? `verify: ${code}` : `no certificate: ${firstIn(text, /error.*|errno.*/)}`,
      )
    },
  }
}

/** Chain, name and dates, as Python verifies them: no name of the subject, no wildcard inside a label. */
export const pythonVerify: Oracle = {
  name: 'python3 ssl',
  needs: ['python'],
  ask: async ({ host, address, port, caPath }) => {
    const program = `
import socket, ssl
context = ssl.create_default_context(cafile=${JSON.stringify(caPath ?? '')})
context.hostname_checks_common_name = False
try:
    with socket.create_connection(("${address}", ${port})) as raw:
        with context.wrap_socket(raw, server_hostname="${host}") as tls:
            print("verified", tls.version())
except ssl.SSLCertVerificationError as error:
    print(error.verify_message)
`
    const { text } = await output('/usr/bin/python3', ['-I', '-'], program)
    return yesOrNo(text.startsWith('verified'), firstIn(text, /.+/) ?? 'nothing')
  },
}

/** Chain, name, dates and obligation to staple, as GnuTLS verifies them. */
export const gnutlsVerify = (starttls?: string): Oracle => ({
  name: `gnutls-cli${starttls ? ` --starttls-proto=${starttls}` : ''}`,
  needs: ['gnutls'],
  ask: async ({ host, address, port, caPath }) => {
    const names = [`--verify-hostname=${host}`, ...(isIP(host) ? [] : [`--sni-hostname=${host}`])]
    const options = [`--x509cafile=${caPath}`, ...names, ...(starttls ? [`--starttls-proto=${starttls}`] : [])]
    const { text } = await output('gnutls-cli', [...options, '-p', String(port), address], '')
    const status = firstIn(text, /^- Status: (.*)/m)
    return yesOrNo(status === 'The certificate is trusted.', status ?? firstIn(text, /\*\*\* .*/) ?? 'nothing')
  },
})

/** Which versions of TLS the peer accepts; yes if none of these is. */
export const sslscanRefuses = (...versions: readonly TlsVersion[]): Oracle => ({
  name: 'sslscan',
  needs: ['sslscan'],
  ask: async (listener) => {
    const quick = [
      'ciphersuites',
      'compression',
      'fallback',
      'groups',
      'heartbleed',
      'renegotiation',
      'check-certificate',
    ]
    const args = ['--no-colour', '--sleep=0', ...quick.map((part) => `--no-${part}`), socketOf(listener)]
    const { text } = await output('sslscan', args)
    const enabled = versions.filter((version) => {
      const name = version === 'TLSv1' ? 'TLSv1.0' : version
      return firstIn(text, RegExp(`^${name.replace('.', '\\.')}\\s+(enabled|disabled)`, 'm')) === 'enabled'
    })
    if (!/TLSv1\.2\s+(enabled|disabled)/.test(text)) return yesOrNo(false, firstIn(text, /\S.*/) ?? 'nothing')
    return yesOrNo(
      enabled.length === 0,
      enabled.length === 0 ? `disabled: ${versions.join(', ')}` : `enabled: ${enabled.join(', ')}`,
    )
  },
})

/** The version that OpenSSL and the peer agree on; yes if it is at least TLS 1.2. */
export const opensslAgrees: Oracle = {
  name: 'openssl s_client -brief',
  needs: ['openssl'],
  ask: async (listener) => {
    const { text } = await sClient(listener, [...lenient, '-brief'])
    const version = firstIn(text, /Protocol version: (\S+)/)
    return yesOrNo(
      version === 'TLSv1.2' || version === 'TLSv1.3',
      version ? `agreed on ${version}` : (firstIn(text, /error.*/) ?? 'nothing'),
    )
  },
}

/** The state of every version, by handshakes of nmap's; yes if none of these is offered. */
export const nmapRefuses = (...versions: readonly string[]): Oracle => ({
  name: 'nmap ssl-enum-ciphers',
  needs: ['nmap'],
  ask: async ({ address, port }) => {
    const { text } = await output('nmap', ['-Pn', '-n', '-p', String(port), '--script', '+ssl-enum-ciphers', address])
    const found = [...text.matchAll(/^\|\s+(TLSv\S+): *$/gm)].map(([, version = '']) => version)
    const refused = versions.every((version) => !found.includes(version))
    return yesOrNo(found.length > 0 && refused, found.length > 0 ? `offers ${found.join(', ')}` : 'nothing of TLS')
  },
})
