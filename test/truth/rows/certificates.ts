import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { curlStatus } from '../oracles/http.ts'
import { gnutlsVerify, opensslVerify, pythonVerify } from '../oracles/tls.ts'
import type { PeerName } from '../peers/index.ts'
import type { Oracle, Row } from '../row.ts'

const servers: readonly PeerName[] = ['nginx', 'Apache', 'haproxy', 'stunnel', 'OpenSSL', 'GnuTLS']
/** haproxy refuses to start with these. */
const refusedByHaproxy = ['rsa-1024', 'sha1-signature']

type Case = [text: string, site: string, oracle: Oracle, reason?: ReasonCode]

const openssl = opensslVerify()
const gnutls = gnutlsVerify()
const cases: Case[] = [
  ['issued by the trusted authority', 'good', openssl],
  ['expired yesterday', 'expired', openssl, 'certificate-expired'],
  ['valid from the day after tomorrow', 'not-yet-valid', openssl, 'certificate-not-yet-valid'],
  ['expires in five days', 'soon', opensslVerify({ inDays: 14 }), 'certificate-expires-soon'],
  ['names another host', 'wrong-name', openssl, 'certificate-name-mismatch'],
  ['names the address, not the host', 'address-only', openssl, 'certificate-name-mismatch'],
  ['names the host in a wildcard', 'wildcard', openssl],
  ['has a wildcard one level too high', 'wildcard-of-parent', openssl, 'certificate-name-mismatch'],
  ['has a wildcard inside a label', 'partial-wildcard', pythonVerify, 'certificate-name-mismatch'],
  ['names the host in its subject only', 'name-in-subject', pythonVerify, 'certificate-name-mismatch'],
  ['self-signed', 'self-signed', openssl, 'certificate-untrusted'],
  ['issued by an unknown authority', 'other-ca', openssl, 'certificate-untrusted'],
  ['issued below an intermediate that is sent', 'below-intermediate', openssl],
  ['issued below an intermediate that is missing', 'missing-intermediate', openssl, 'certificate-untrusted'],
  ['its authority may issue for this name', 'constraint-met', openssl],
  ['its authority may not issue for this name', 'constraint-broken', openssl, 'certificate-name-not-permitted'],
  ['issued for clients only', 'for-clients', openssl, 'certificate-not-for-servers'],
  ['RSA key of 1024 bits', 'rsa-1024', openssl, 'certificate-key-too-small'],
  ['RSA key of 2048 bits', 'rsa-2048', openssl],
  ['key on P-384', 'p-384', openssl],
  ['Ed25519 key', 'ed25519', openssl],
  ['good, for GnuTLS too', 'good', gnutls],
  ['obliges the server to staple, and it does not', 'must-staple', gnutls, 'certificate-staple-missing'],
  ['signed with SHA-1', 'sha1-signature', openssl, 'certificate-signature-too-weak'],
]

const matrix = servers.flatMap((peer): Row[] =>
  cases
    .filter(([, site]) => peer !== 'haproxy' || !refusedByHaproxy.includes(site))
    .map(([text, site, oracle, reason]) => ({
      case: `certificate: ${text}`,
      peer,
      site,
      claim: { builtIn: 'server-certificate' },
      oracle,
      verdict: reason ? 'fail' : 'pass',
      reason,
    })),
)

const stapled = (['nginx', 'OpenSSL'] as const).flatMap((peer): Row[] => {
  const row = { peer, claim: { builtIn: 'server-certificate' }, oracle: curlStatus } as const
  return [
    { ...row, case: 'certificate: good by its staple', site: 'stapled-good', verdict: 'pass' },
    {
      ...row,
      ...{ case: 'certificate: revoked by its staple', site: 'stapled-revoked' },
      ...{ verdict: 'fail', reason: 'certificate-revoked' },
    },
  ]
})

const byAddress = (text: string, site: string, reason?: ReasonCode): Row => ({
  case: `certificate, probed by address: ${text}`,
  peer: 'nginx',
  site,
  host: '127.0.0.1',
  claim: { builtIn: 'server-certificate' },
  oracle: openssl,
  verdict: reason ? 'fail' : 'pass',
  reason,
})

export const certificateRows: readonly Row[] = [
  ...matrix,
  ...stapled,
  byAddress('names host and address', 'good'),
  byAddress('names the address', 'address-only'),
  byAddress('names the host only', 'name-only', 'certificate-name-mismatch'),
]
