import { describe } from 'vitest'
import type { SmbFacts } from '../../../src/domain/protocols/smb.ts'
import { testJudgements } from './judging.ts'

describe('smb', () => {
  const modern: NonNullable<SmbFacts['smb']> = {
    dialect: 'SMB3.1.1',
    signing: { 'SMB3.1.1': 'required' },
    encryption: 'supported',
    cipher: 'AES-256-GCM',
  }
  const negotiated = (more: SmbFacts['smb'] = {}) =>
    ({ reason: 'smb-negotiated', facts: { smb: { ...modern, ...more } } }) as const
  const refused = { reason: 'smb-refused', facts: { smb: {} } } as const
  const silent = { reason: 'protocol-timeout', facts: { spoke: 'nothing' } } as const
  const foreign = { reason: 'protocol-mismatch', facts: { spoke: 'ssh' } } as const
  const refusesSmb1 = { smb: { refuses: ['SMB1' as const] } }
  const signed = { smb: { signing: 'required' } } as const
  const encrypted = { smb: { encryption: 'supported' } } as const
  testJudgements('smb', [
    ['a peer that speaks SMB passes', { smb: { speaks: true } }, negotiated(), 'as-expected'],
    ['one that refuses each dialect speaks SMB too', { smb: { speaks: true } }, refused, 'as-expected'],
    ['one of another protocol fails with that', { smb: { speaks: true } }, foreign, 'protocol-mismatch'],
    ['a silent one is undecided', { smb: { speaks: true } }, silent, 'protocol-timeout'],
    ['a demand that is switched off is not judged', { smb: { speaks: false } }, silent, 'as-expected'],
    ['an empty list demands nothing', { smb: { refuses: [] } }, foreign, 'as-expected'],
    ['the least dialect passes', { smb: { minDialect: 'SMB3.1.1' } }, negotiated(), 'as-expected'],
    [
      'an older dialect fails',
      { smb: { minDialect: 'SMB3.0' } },
      negotiated({ dialect: 'SMB2.1' }),
      'smb-dialect-too-old',
    ],
    ['no dialect at all fails with that', { smb: { minDialect: 'SMB2.1' } }, refused, 'smb-refused'],
    ['a refused dialect passes', refusesSmb1, negotiated({ dialects: { SMB1: 'refused' } }), 'as-expected'],
    [
      'an accepted dialect fails',
      refusesSmb1,
      negotiated({ dialects: { SMB1: 'accepted' } }),
      'smb-old-dialect-accepted',
    ],
    [
      'a dialect that could not be offered is unknown',
      refusesSmb1,
      negotiated({ dialects: { SMB1: 'not-tested' } }),
      'smb-dialect-not-tested',
    ],
    ['a dialect that was not offered is unknown', refusesSmb1, negotiated(), 'smb-dialect-not-tested'],
    ['required signatures pass', signed, negotiated(), 'as-expected'],
    [
      'signatures that are enabled alone fail',
      signed,
      negotiated({ signing: { 'SMB3.1.1': 'enabled' } }),
      'smb-signing-not-required',
    ],
    [
      'signatures that one dialect does not require fail',
      signed,
      negotiated({ signing: { 'SMB3.1.1': 'required', SMB1: 'disabled' } }),
      'smb-signing-not-required',
    ],
    ['unseen signatures are unknown', signed, negotiated({ signing: {} }), 'facts-missing'],
    ['supported encryption passes', encrypted, negotiated(), 'as-expected'],
    [
      'missing encryption fails',
      encrypted,
      negotiated({ encryption: 'not-supported' }),
      'smb-encryption-not-supported',
    ],
    [
      'unseen encryption is unknown',
      encrypted,
      { reason: 'smb-negotiated', facts: { smb: { dialect: 'SMB3.0', signing: {} } } },
      'facts-missing',
    ],
    ['names that did not come do not matter', signed, { ...negotiated(), reason: 'protocol-timeout' }, 'as-expected'],
  ])
})
