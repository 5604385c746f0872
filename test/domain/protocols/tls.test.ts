import { describe } from 'vitest'
import { certificate } from '../findings/rules.ts'
import { type Row, testJudgements } from './judging.ts'

describe('tls', () => {
  const spoken = { reason: 'tls-ok', facts: { protocol: 'TLSv1.3' } } as const
  const with_ = (facts: object, cert: Partial<ReturnType<typeof certificate>> = {}) =>
    ({ reason: 'tls-ok', facts: { protocol: 'TLSv1.3', certificate: certificate(cert), ...facts } }) as const
  const keyDemand = { tls: { minKeyBits: { rsa: 2048, ec: 256 } } }
  const withKey = (type: string, bits?: number) => with_({}, { publicKey: { type, bits, sha256: 'cd' } })
  const stapled = (status: string, mustStaple?: true) => with_({ trusted: true, ocsp: { status } }, { mustStaple })
  const trusted = { tls: { trusted: true } }
  const notRevoked = { tls: { notRevoked: true } }
  const judgedStaples: Row[] = [
    ['one whose staple says good passes', notRevoked, stapled('good'), 'as-expected'],
    ['one whose staple says revoked fails', notRevoked, stapled('revoked'), 'certificate-revoked'],
    ['a revoked one is not trusted', trusted, stapled('revoked'), 'certificate-revoked'],
    [
      'a revoked one passes where nothing about it is demanded',
      { tls: { validNow: true } },
      stapled('revoked'),
      'as-expected',
    ],
    ['one without a staple passes', notRevoked, with_({}), 'as-expected'],
    ['a staple that proves nothing is unknown', notRevoked, stapled('invalid'), 'certificate-status-unknown'],
    [
      'a responder that does not know the certificate is unknown',
      notRevoked,
      stapled('unknown'),
      'certificate-status-unknown',
    ],
    ['a staple that proves nothing does not affect trust', trusted, stapled('invalid'), 'as-expected'],
    ['must-staple with a staple passes', notRevoked, stapled('good', true), 'as-expected'],
    ['must-staple without a staple fails', notRevoked, with_({}, { mustStaple: true }), 'certificate-staple-missing'],
    [
      'must-staple with a staple that proves nothing fails',
      notRevoked,
      stapled('invalid', true),
      'certificate-staple-missing',
    ],
    ['must-staple does not affect trust alone', trusted, with_({ trusted: true }, { mustStaple: true }), 'as-expected'],
  ]
  testJudgements('tls', [
    ['the least version that a rule asks for passes', { tls: { minVersion: 'TLSv1.3' } }, spoken, 'as-expected'],
    ['a newer one passes', { tls: { minVersion: 'TLSv1.2' } }, spoken, 'as-expected'],
    [
      'an older one fails',
      { tls: { minVersion: 'TLSv1.2' } },
      { reason: 'tls-ok', facts: { protocol: 'TLSv1.1' } },
      'tls-version-too-old',
    ],
    ['no handshake fails with what was seen', { tls: {} }, { reason: 'tls-alert', facts: { alert: 40 } }, 'tls-alert'],
    [
      'a port that speaks something else fails',
      { tls: { trusted: true } },
      { reason: 'protocol-mismatch', facts: { spoke: 'http' } },
      'protocol-mismatch',
    ],
    [
      'a refused old version passes',
      { tls: { refuses: ['TLSv1'] } },
      with_({ versions: { TLSv1: 'refused' } }),
      'as-expected',
    ],
    [
      'an accepted old version fails',
      { tls: { refuses: ['TLSv1.1', 'TLSv1'] } },
      with_({ versions: { 'TLSv1.1': 'refused', TLSv1: 'accepted' } }),
      'tls-old-version-accepted',
    ],
    [
      'a version that could not be offered is unknown, never refused',
      { tls: { refuses: ['SSLv3'] } },
      with_({ versions: { SSLv3: 'not-tested' } }),
      'tls-version-not-tested',
    ],
    ['a version that was not offered is unknown', { tls: { refuses: ['TLSv1'] } }, with_({}), 'tls-version-not-tested'],
    ['a rule about the certificate without one is unknown', { tls: { trusted: true } }, spoken, 'facts-missing'],
    ['a trusted one passes', { tls: { trusted: true } }, with_({ trusted: true }), 'as-expected'],
    ['an untrusted one fails', { tls: { trusted: true } }, with_({ trusted: false }), 'certificate-untrusted'],
    ...judgedStaples,
    [
      'a self-signed one passes where it is allowed',
      { tls: { trusted: true, allowSelfSigned: true } },
      with_({ trusted: false }, { selfSigned: true }),
      'as-expected',
    ],
    [
      'allowing self-signed ones lets no other untrusted one pass',
      { tls: { trusted: true, allowSelfSigned: true } },
      with_({ trusted: false }),
      'certificate-untrusted',
    ],
    [
      'a chain with a signature that can be forged fails with this reason',
      { tls: { trusted: true } },
      with_({ trusted: false, trustError: 'CA_MD_TOO_WEAK' }),
      'certificate-signature-too-weak',
    ],
    ...(
      [
        ['CA_KEY_TOO_SMALL', 'certificate-authority-too-weak'],
        ['CERT_HAS_EXPIRED', 'certificate-authority-expired'],
        ['INVALID_PURPOSE', 'certificate-not-for-servers'],
        ['PERMITTED_SUBTREE_VIOLATION', 'certificate-name-not-permitted'],
        ['EXCLUDED_SUBTREE_VIOLATION', 'certificate-name-not-permitted'],
      ] as const
    ).map(
      ([trustError, reason]): Row => [
        `${trustError} has a reason of its own`,
        { tls: { trusted: true } },
        with_({ trusted: false, trustError }),
        reason,
      ],
    ),
    ['an RSA key that is long enough passes', keyDemand, withKey('rsa', 2048), 'as-expected'],
    ['a shorter one fails', keyDemand, withKey('rsa', 1024), 'certificate-key-too-small'],
    ['a short key of RSASSA-PSS fails too', keyDemand, withKey('rsa-pss', 2047), 'certificate-key-too-small'],
    ['a short DSA key fails too', keyDemand, withKey('dsa', 1024), 'certificate-key-too-small'],
    ['a key on a short curve fails', keyDemand, withKey('ec', 224), 'certificate-key-too-small'],
    ['an Ed25519 key passes without a size', keyDemand, withKey('ed25519'), 'as-expected'],
    ['a key on a curve of unknown size is unknown', keyDemand, withKey('ec'), 'facts-missing'],
    ['a key of an unknown type is unknown', keyDemand, withKey('unknown'), 'facts-missing'],
    [
      'a kind that the rule does not name passes',
      { tls: { minKeyBits: { ec: 256 } } },
      withKey('rsa', 512),
      'as-expected',
    ],
    [
      'a self-signed one with a wrong name fails all the same',
      { tls: { trusted: true, allowSelfSigned: true, nameMatches: true } },
      with_({ trusted: false, nameMatches: false }, { selfSigned: true }),
      'certificate-name-mismatch',
    ],
    ['a name that matches passes', { tls: { nameMatches: true } }, with_({ nameMatches: true }), 'as-expected'],
    [
      'a name that does not, fails',
      { tls: { nameMatches: true } },
      with_({ nameMatches: false }),
      'certificate-name-mismatch',
    ],
    ['a name that was not compared is unknown', { tls: { nameMatches: true } }, with_({}), 'facts-missing'],
    ['a chain that was not followed is unknown', { tls: { trusted: true } }, with_({}), 'facts-missing'],
    ['dates that hold now pass', { tls: { validNow: true } }, with_({}), 'as-expected'],
    [
      'an end in the past fails',
      { tls: { validNow: true } },
      with_({}, { notAfter: '2026-01-01T11:59:59Z' }),
      'certificate-expired',
    ],
    [
      'the end itself is past',
      { tls: { validNow: true } },
      with_({}, { notAfter: '2026-01-01T12:00:00Z' }),
      'certificate-expired',
    ],
    [
      'a beginning to come fails',
      { tls: { validNow: true } },
      with_({}, { notBefore: '2026-01-01T12:00:01Z' }),
      'certificate-not-yet-valid',
    ],
    [
      'exactly the days that a rule asks for pass',
      { tls: { minDaysLeft: 14 } },
      with_({}, { notAfter: '2026-01-15T12:00:00Z' }),
      'as-expected',
    ],
    [
      'a second less fails',
      { tls: { minDaysLeft: 14 } },
      with_({}, { notAfter: '2026-01-15T11:59:59Z' }),
      'certificate-expires-soon',
    ],
    [
      'no day left suffices where none is required',
      { tls: { minDaysLeft: 0 } },
      with_({}, { notAfter: '2026-01-01T12:00:01Z' }),
      'as-expected',
    ],
    [
      'a claim that is switched off is not judged',
      { tls: { trusted: false, nameMatches: false, validNow: false } },
      with_({ trusted: false, nameMatches: false }, { notAfter: '2000-01-01T00:00:00Z' }),
      'as-expected',
    ],
  ])
})
