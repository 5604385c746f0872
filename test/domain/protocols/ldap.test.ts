import { describe, expect, test } from 'vitest'
import type { Seen } from '../findings/rules.ts'
import { judged, testJudgements } from './judging.ts'

describe('ldap', () => {
  const rootDse = { dnsHostName: 'dc1.corp.test' }
  const bound = { as: 'credential', resultCode: 0, resultName: 'success' } as const
  testJudgements('ldap', [
    [
      'a rootDSE is a response',
      { ldap: { answers: true } },
      { reason: 'ldap-responded', facts: { rootDse } },
      'as-expected',
    ],
    [
      'a refused bind is a response as well',
      { ldap: { answers: true } },
      { reason: 'ldap-anonymous-refused', facts: { bind: { as: 'anonymous', resultCode: 48, resultName: 'x' } } },
      'as-expected',
    ],
    [
      'a port that closes without a response fails',
      { ldap: { answers: true } },
      { reason: 'connection-closed', facts: {} },
      'ldap-no-response',
    ],
    [
      'a port that does not respond in time is undecided',
      { ldap: { answers: true } },
      { reason: 'protocol-timeout', facts: {} },
      'protocol-timeout',
    ],
    [
      'silence after StartTLS is not a channel that the rule forbids',
      { ldap: { security: ['starttls'] } },
      { reason: 'protocol-timeout', facts: { rootDse, security: 'plain', startTls: { offered: true } } },
      'protocol-timeout',
    ],
    [
      'silence after a bind is undecided',
      { ldap: { bind: { credentialRef: 'env:X' } } },
      { reason: 'protocol-timeout', facts: { rootDse, security: 'ldaps' } },
      'protocol-timeout',
    ],
    [
      'a directory that was seen not to be Active Directory fails, also before silence',
      { ldap: { activeDirectory: true } },
      { reason: 'protocol-timeout', facts: { rootDse, activeDirectory: false } },
      'ldap-not-active-directory',
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
      'a directory that refuses its rootDSE is not known to be another one',
      { ldap: { activeDirectory: true } },
      { reason: 'ldap-confidentiality-required', facts: { rootDse: {}, security: 'plain' } },
      'facts-missing',
    ],
    [
      'a demand for a client certificate is named where no LDAP came',
      { ldap: { security: ['ldaps'] } },
      { reason: 'tls-client-certificate-required', facts: { tls: { clientCertificate: 'required' } } },
      'tls-client-certificate-required',
    ],
    [
      'a demand for a client certificate is named after StartTLS',
      { ldap: { security: ['starttls'] } },
      { reason: 'tls-client-certificate-required', facts: { rootDse, security: 'plain', startTls: { offered: true } } },
      'tls-client-certificate-required',
    ],
    [
      'a notice of disconnection is a response',
      { ldap: { answers: true } },
      { reason: 'connection-closed', facts: { rootDse: {}, security: 'plain' } },
      'as-expected',
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
      'one that the directory demands to be encrypted passes',
      { ldap: { plainBind: 'refused' } },
      {
        reason: 'ldap-responded',
        facts: { rootDse, plainBind: { resultCode: 13, resultName: 'confidentialityRequired' } },
      },
      'as-expected',
    ],
    [
      'one whose method is not supported passes',
      { ldap: { plainBind: 'refused' } },
      {
        reason: 'ldap-responded',
        facts: { rootDse, plainBind: { resultCode: 7, resultName: 'authMethodNotSupported' } },
      },
      'as-expected',
    ],
    [
      'one that is accepted fails',
      { ldap: { plainBind: 'refused' } },
      { reason: 'ldap-responded', facts: { rootDse, plainBind: { resultCode: 0, resultName: 'success' } } },
      'ldap-plain-bind-allowed',
    ],
    [
      'one that is accepted below an invented base fails',
      { ldap: { plainBind: 'refused' } },
      {
        reason: 'ldap-responded',
        facts: { rootDse, plainBind: { resultCode: 0, resultName: 'success', inventedBase: true } },
      },
      'ldap-plain-bind-allowed',
    ],
    [
      'one that is judged by its password below an invented base is unknown',
      { ldap: { plainBind: 'refused' } },
      {
        reason: 'ldap-responded',
        facts: { rootDse, plainBind: { resultCode: 49, resultName: 'invalidCredentials', inventedBase: true } },
      },
      'facts-missing',
    ],
    [
      'one that the directory is unwilling to perform is unknown',
      { ldap: { plainBind: 'refused' } },
      { reason: 'ldap-responded', facts: { rootDse, plainBind: { resultCode: 53, resultName: 'unwillingToPerform' } } },
      'facts-missing',
    ],
    [
      'one that the directory finds inappropriate is unknown',
      { ldap: { plainBind: 'refused' } },
      {
        reason: 'ldap-responded',
        facts: { rootDse, plainBind: { resultCode: 48, resultName: 'inappropriateAuthentication' } },
      },
      'facts-missing',
    ],
    [
      'one that a busy directory refuses is unknown',
      { ldap: { plainBind: 'refused' } },
      { reason: 'ldap-responded', facts: { rootDse, plainBind: { resultCode: 51, resultName: 'busy' } } },
      'facts-missing',
    ],
    [
      'one to a user whose name cannot be read is unknown',
      { ldap: { plainBind: 'refused' } },
      { reason: 'ldap-responded', facts: { rootDse, plainBind: { resultCode: 34, resultName: 'invalidDNSyntax' } } },
      'facts-missing',
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
    const judgement = { result: 'error', state: 'open', reason: 'credential-unavailable' }
    expect(judged(expectation, seen, 'ldap')).toEqual(judgement)
  })
})
