import { describe, expect, test } from 'vitest'
import { judge } from '../../src/domain/findings/judge.ts'
import type { ReasonCode } from '../../src/domain/findings/reasons.ts'
import type { ResolvedExpectation } from '../../src/domain/policy/policy.ts'
import { certificate, observation, ruleThat, type Seen } from './rules.ts'

/** Judges a rule that expects this on one address that was seen so. */
const judged = (expectation: ResolvedExpectation, seen: Seen) =>
  judge(ruleThat(expectation), observation(seen), { windowOpen: false })

/** Rows of one probe: what is expected of an open port, what was seen of it, and the reason; `as-expected` is a pass. */
type Row = [claim: string, expect: ResolvedExpectation, seen: Omit<Seen, 'state'>, reason: ReasonCode]
const undecided = ['facts-missing', 'tls-version-not-tested']
const table = (rows: Row[]) =>
  test.each(rows)('%s', (_, expectation, seen, reason) => {
    const result = reason === 'as-expected' ? 'pass' : undecided.includes(reason) ? 'unknown' : 'fail'
    expect(judged(expectation, { state: 'open', ...seen })).toEqual({ result, state: 'open', reason })
  })

describe('tls', () => {
  const spoken = { reason: 'tls-ok', facts: { protocol: 'TLSv1.3' } } as const
  const with_ = (facts: object, cert: Partial<ReturnType<typeof certificate>> = {}) =>
    ({ reason: 'tls-ok', facts: { protocol: 'TLSv1.3', certificate: certificate(cert), ...facts } }) as const
  table([
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
      'no day left suffices where none is asked for',
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

describe('https', () => {
  const http = { status: 200 }
  table([
    [
      'an answer passes',
      { tls: { minVersion: 'TLSv1.2' }, http: { answers: true } },
      { reason: 'http-responded', facts: { protocol: 'TLSv1.2', http } },
      'as-expected',
    ],
    [
      'a TLS server that answers no HTTP fails',
      { http: { answers: true } },
      { reason: 'tls-ok', facts: { protocol: 'TLSv1.2' } },
      'http-no-response',
    ],
    [
      'a peer that breaks off fails with what was seen',
      { http: { answers: true } },
      { reason: 'protocol-timeout', facts: { protocol: 'TLSv1.2' } },
      'protocol-timeout',
    ],
    [
      'TLS is judged first',
      { tls: { minVersion: 'TLSv1.3' }, http: { answers: true } },
      { reason: 'tls-ok', facts: { protocol: 'TLSv1.2' } },
      'tls-version-too-old',
    ],
    [
      'no plain answer passes',
      { http: { plainServed: false } },
      { reason: 'tls-ok', facts: { plainHttp: { answered: false } } },
      'as-expected',
    ],
    [
      'a plain 400 is the refusal of a plain request',
      { http: { plainServed: false } },
      { reason: 'tls-ok', facts: { plainHttp: { answered: true, status: 400 } } },
      'as-expected',
    ],
    [
      'a plain page fails',
      { http: { plainServed: false } },
      { reason: 'tls-ok', facts: { plainHttp: { answered: true, status: 200 } } },
      'plain-http-served',
    ],
    [
      'a plain redirect fails: it is answered in clear',
      { http: { plainServed: false } },
      { reason: 'tls-ok', facts: { plainHttp: { answered: true, status: 301 } } },
      'plain-http-served',
    ],
    [
      'where plain HTTP was not tried, it is unknown',
      { http: { plainServed: false } },
      { reason: 'tls-ok', facts: {} },
      'facts-missing',
    ],
  ])
})

describe('ssh', () => {
  const key = { type: 'ssh-ed25519', sha256: 'SHA256:abc', verified: true }
  const lists = {
    kex: ['curve25519-sha256'],
    hostKey: ['ssh-ed25519'],
    cipherClientToServer: ['aes128-ctr'],
    cipherServerToClient: ['3des-cbc'],
    macClientToServer: ['hmac-sha2-256'],
    macServerToClient: ['hmac-sha2-256'],
    compressionClientToServer: ['none'],
    compressionServerToClient: ['none'],
  }
  const facts = { identification: 'SSH-2.0-x', protocolVersion: '2.0', hostKey: key, algorithms: lists }
  const seen = (change: object = {}, reason: ReasonCode = 'ssh-ok') => ({ reason, facts: { ...facts, ...change } })
  table([
    ['a peer that speaks SSH passes', { ssh: { speaks: true } }, seen(), 'as-expected'],
    [
      'one that speaks something else fails',
      { ssh: { speaks: true } },
      { reason: 'protocol-mismatch', facts: { spoke: 'http' } },
      'ssh-not-spoken',
    ],
    [
      'one that says nothing fails with what was seen, where another claim is made',
      { ssh: { minVersion: '2.0' } },
      { reason: 'protocol-timeout', facts: {} },
      'protocol-timeout',
    ],
    ['the version that is asked for passes', { ssh: { minVersion: '2.0' } }, seen(), 'as-expected'],
    [
      '1.99 is older than 2.0',
      { ssh: { minVersion: '2.0' } },
      seen({ protocolVersion: '1.99' }),
      'ssh-version-too-old',
    ],
    [
      '1.5 is older than 1.99',
      { ssh: { minVersion: '1.99' } },
      seen({ protocolVersion: '1.5' }),
      'ssh-version-too-old',
    ],
    [
      'a version that nobody knows is too old',
      { ssh: { minVersion: '1.99' } },
      seen({ protocolVersion: '9' }),
      'ssh-version-too-old',
    ],
    ['a pinned host key passes', { ssh: { hostKeys: ['SHA256:x', 'SHA256:abc'] } }, seen(), 'as-expected'],
    ['another one fails', { ssh: { hostKeys: ['SHA256:x'] } }, seen(), 'ssh-host-key-mismatch'],
    [
      'a key that was not proved is unknown, even if it is the pinned one',
      { ssh: { hostKeys: ['SHA256:abc'] } },
      seen({ hostKey: { ...key, verified: false } }),
      'facts-missing',
    ],
    [
      'a wrong signature fails whatever else holds',
      { ssh: { speaks: true, hostKeys: ['SHA256:abc'] } },
      seen({}, 'ssh-signature-invalid'),
      'ssh-signature-invalid',
    ],
    ['algorithms that are not forbidden pass', { ssh: { forbid: ['arcfour'] } }, seen(), 'as-expected'],
    [
      'one that is forbidden in either direction fails',
      { ssh: { forbid: ['3des-cbc'] } },
      seen(),
      'ssh-algorithm-forbidden',
    ],
    [
      'lists that were not seen are unknown',
      { ssh: { forbid: ['3des-cbc'] } },
      seen({ algorithms: undefined }),
      'facts-missing',
    ],
  ])
})

describe('ldap', () => {
  const rootDse = { dnsHostName: 'dc1.corp.test' }
  const bound = { as: 'credential', resultCode: 0, resultName: 'success' } as const
  table([
    [
      'a rootDSE is an answer',
      { ldap: { answers: true } },
      { reason: 'ldap-responded', facts: { rootDse } },
      'as-expected',
    ],
    [
      'a refused bind is an answer as well',
      { ldap: { answers: true } },
      { reason: 'ldap-anonymous-refused', facts: { bind: { as: 'anonymous', resultCode: 48, resultName: 'x' } } },
      'as-expected',
    ],
    [
      'a port that is open and answers nothing fails',
      { ldap: { answers: true } },
      { reason: 'protocol-timeout', facts: {} },
      'ldap-no-response',
    ],
    [
      'Active Directory passes',
      { ldap: { activeDirectory: true } },
      { reason: 'ldap-responded', facts: { rootDse, activeDirectory: true } },
      'as-expected',
    ],
    [
      'another directory fails',
      { ldap: { activeDirectory: true } },
      { reason: 'ldap-responded', facts: { rootDse, activeDirectory: false } },
      'ldap-not-active-directory',
    ],
    [
      'any directory passes where it need not be that one',
      { ldap: { answers: true, activeDirectory: false } },
      { reason: 'ldap-responded', facts: { rootDse, activeDirectory: false } },
      'as-expected',
    ],
    [
      'a bind over StartTLS passes',
      { ldap: { bind: { credentialRef: 'env:X' }, security: ['starttls', 'ldaps'] } },
      { reason: 'ldap-bind-ok', facts: { rootDse, bind: bound, security: 'starttls' } },
      'as-expected',
    ],
    [
      'a wrong password fails with its own reason',
      { ldap: { bind: { credentialRef: 'env:X' } } },
      { reason: 'ldap-invalid-credentials', facts: { rootDse, bind: { ...bound, resultCode: 49 } } },
      'ldap-invalid-credentials',
    ],
    [
      'a channel that could not be verified fails with its own reason',
      { ldap: { bind: { credentialRef: 'env:X' }, security: ['starttls'] } },
      { reason: 'ldap-channel-unverified', facts: { startTls: { offered: true }, security: 'starttls' } },
      'ldap-channel-unverified',
    ],
    [
      'a refused StartTLS fails with its own reason',
      { ldap: { security: ['starttls'] } },
      { reason: 'ldap-starttls-refused', facts: { rootDse, startTls: { offered: false }, security: 'plain' } },
      'ldap-starttls-refused',
    ],
    [
      'a channel that is not allowed fails',
      { ldap: { security: ['ldaps'] } },
      { reason: 'ldap-responded', facts: { rootDse, security: 'plain' } },
      'ldap-channel-not-allowed',
    ],
    [
      'a refused bind in clear passes where it must be refused',
      { ldap: { plainBind: 'refused' } },
      {
        reason: 'ldap-responded',
        facts: { rootDse, plainBind: { resultCode: 8, resultName: 'strongerAuthRequired' } },
      },
      'as-expected',
    ],
    [
      'one that is judged by its password fails',
      { ldap: { plainBind: 'refused' } },
      { reason: 'ldap-responded', facts: { rootDse, plainBind: { resultCode: 49, resultName: 'invalidCredentials' } } },
      'ldap-plain-bind-allowed',
    ],
    [
      'one that was not tried is unknown',
      { ldap: { plainBind: 'refused' } },
      { reason: 'ldap-responded', facts: { rootDse } },
      'facts-missing',
    ],
  ])

  test('a credential that cannot be used is an error and says nothing of the directory', () => {
    const seen: Seen = { state: 'open', reason: 'credential-unavailable', facts: { rootDse } }
    const expectation = { ldap: { bind: { credentialRef: 'env:X' } } }
    expect(judged(expectation, seen)).toEqual({ result: 'error', state: 'open', reason: 'credential-unavailable' })
  })
})
