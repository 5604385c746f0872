import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { curlSmtp } from '../oracles/smtp.ts'
import { gnutlsVerify, opensslVerify } from '../oracles/tls.ts'
import type { PeerName } from '../peers/index.ts'
import type { Oracle, Row } from '../row.ts'

const row = (
  text: string,
  peer: PeerName,
  site: string,
  expect: Record<string, unknown>,
  oracle: Oracle,
  reason?: ReasonCode,
): Row => ({
  case: `SMTP: ${text}`,
  peer,
  site,
  claim: { probe: 'smtp', expect },
  oracle,
  verdict: reason ? 'fail' : 'pass',
  reason,
})

const speaks = { smtp: { speaks: true } }
const offered = { smtp: { startTls: 'offered' } }
const verified = {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of the policy
  tls: { trusted: true, trustedCa: '${trustedCa}', nameMatches: true, validNow: true, minKeyBits: { rsa: 2048 } },
}
const notRevoked = { tls: { ...verified.tls, notRevoked: true } }
const staple: ReasonCode = 'certificate-staple-missing'
const startTls = opensslVerify({ starttls: 'smtp' })

export const smtpRows: readonly Row[] = [
  row('speaks', 'Exim', 'default', speaks, curlSmtp('speaks')),
  row('speaks without TLS', 'Exim', 'no-tls', speaks, curlSmtp('speaks')),
  row('STARTTLS is offered', 'Exim', 'default', offered, curlSmtp('offers STARTTLS')),
  row('STARTTLS is not offered', 'Exim', 'no-tls', offered, curlSmtp('offers STARTTLS'), 'smtp-starttls-not-offered'),
  row('the certificate verifies', 'Exim', 'default', verified, startTls),
  row('the certificate has expired', 'Exim', 'expired', verified, startTls, 'certificate-expired'),
  row('the certificate is self-signed', 'Exim', 'self-signed', verified, startTls, 'certificate-untrusted'),
  row('the certificate names another host', 'Exim', 'wrong-name', verified, startTls, 'certificate-name-mismatch'),
  row('the server is not obliged to staple', 'Exim', 'default', notRevoked, gnutlsVerify('smtp')),
  row('the server is obliged to staple', 'Exim', 'must-staple', notRevoked, gnutlsVerify('smtp'), staple),
  row('the intermediate is sent', 'Exim', 'below-intermediate', verified, startTls),
  row('the handshake without STARTTLS', 'Exim', 'no-tls', verified, startTls, 'smtp-starttls-not-offered'),
]
