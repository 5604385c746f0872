import { describe } from 'vitest'
import type { MssqlFacts } from '../../../src/domain/protocols/mssql.ts'
import { certificate } from '../findings/rules.ts'
import { testJudgements } from './judging.ts'

describe('mssql', () => {
  const tls = { protocol: 'TLSv1.2', certificate: certificate(), trusted: true, nameMatches: true } as const
  type Encryption = NonNullable<MssqlFacts['mssql']>['encryption']
  const seen = (encryption: Encryption, more: MssqlFacts = {}) =>
    ({ reason: 'mssql-tls-ok', facts: { ...tls, ...more, mssql: { version: '16.0.1000.6', encryption } } }) as const
  const plain = { reason: 'mssql-without-tls', facts: { mssql: { encryption: 'not-supported' } } } as const
  const silent = { reason: 'protocol-timeout', facts: { spoke: 'nothing' } } as const
  const required = { mssql: { encryption: 'required' } } as const
  const strict = { mssql: { encryption: 'strict' } } as const
  testJudgements('mssql', [
    ['a peer that speaks TDS passes', { mssql: { speaks: true } }, seen('required'), 'as-expected'],
    ['one without encryption speaks TDS too', { mssql: { speaks: true } }, plain, 'as-expected'],
    [
      'one of another protocol fails with that',
      { mssql: { speaks: true } },
      { reason: 'protocol-mismatch', facts: { spoke: 'ssh' } },
      'protocol-mismatch',
    ],
    ['a silent one is undecided', required, silent, 'protocol-timeout'],
    ['a demand that is switched off is not judged', { mssql: { speaks: false } }, silent, 'as-expected'],
    ['required encryption passes', required, seen('required'), 'as-expected'],
    ['strict encryption is required encryption', required, seen('strict'), 'as-expected'],
    ['optional encryption fails', required, seen('optional'), 'mssql-encryption-too-weak'],
    ['missing encryption fails', required, plain, 'mssql-encryption-too-weak'],
    ['strict encryption passes', strict, seen('strict'), 'as-expected'],
    ['encryption that is required and not strict fails', strict, seen('required'), 'mssql-encryption-too-weak'],
    ['unseen encryption is unknown', required, seen(undefined), 'facts-missing'],
    ['the certificate is judged as any other', { tls: { trusted: true } }, seen('required'), 'as-expected'],
    [
      'an untrusted one fails',
      { tls: { trusted: true } },
      seen('required', { trusted: false }),
      'certificate-untrusted',
    ],
    ['a peer without TLS fails a demand on TLS', { tls: { trusted: true } }, plain, 'mssql-without-tls'],
  ])
})
