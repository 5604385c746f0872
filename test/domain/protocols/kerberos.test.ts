import { describe } from 'vitest'
import type { KerberosFacts } from '../../../src/domain/protocols/kerberos.ts'
import { testJudgements } from './judging.ts'

const name = 'AD.LAB.TEST'
const seen = (more: Partial<NonNullable<KerberosFacts['kerberos']>> = {}) =>
  ({ reason: 'kerberos-responded', facts: { kerberos: { response: 'KRB-ERROR', errorCode: 6, ...more } } }) as const
const silent = { reason: 'protocol-timeout', facts: { spoke: 'nothing' } } as const
const foreign = { reason: 'protocol-mismatch', facts: { spoke: 'ssh' } } as const
const within = { limitSeconds: 300, within: true }
const beyond = { limitSeconds: 300, within: false }

describe('kerberos', () => {
  testJudgements('kerberos', [
    ['a KDC that responds passes', { kerberos: { answers: true } }, seen(), 'as-expected'],
    ['a silent port is undecided', { kerberos: { answers: true } }, silent, 'protocol-timeout'],
    ['one that speaks something else fails with that', { kerberos: { answers: true } }, foreign, 'protocol-mismatch'],
    ['a demand that is switched off is not judged', { kerberos: { answers: false } }, silent, 'as-expected'],
    [
      'a realm that is served passes',
      { kerberos: { realm: name } },
      seen({ realm: { name, served: true } }),
      'as-expected',
    ],
    [
      'a realm that is not served fails',
      { kerberos: { realm: name } },
      seen({ realm: { name, served: false } }),
      'kerberos-realm-not-served',
    ],
    [
      'a realm that the responses do not show is undecided',
      { kerberos: { realm: name } },
      seen({ realm: { name } }),
      'kerberos-realm-not-shown',
    ],
    [
      'what was seen of another realm decides nothing',
      { kerberos: { realm: name } },
      seen({ realm: { name: 'OTHER.TEST', served: true } }),
      'facts-missing',
    ],
    ['a realm that was not requested is undecided', { kerberos: { realm: name } }, seen(), 'facts-missing'],
    ['a silent port shows no realm', { kerberos: { realm: name } }, silent, 'protocol-timeout'],
    [
      'a clock within the limit passes',
      { kerberos: { maxClockSkewSeconds: 300 } },
      seen({ clock: within }),
      'as-expected',
    ],
    [
      'a clock beyond the limit fails',
      { kerberos: { maxClockSkewSeconds: 300 } },
      seen({ clock: beyond }),
      'kerberos-clock-skewed',
    ],
    ['a wider limit is met too', { kerberos: { maxClockSkewSeconds: 600 } }, seen({ clock: within }), 'as-expected'],
    [
      'a narrower limit is not known to be met',
      { kerberos: { maxClockSkewSeconds: 60 } },
      seen({ clock: within }),
      'facts-missing',
    ],
    [
      'a narrower limit is violated too',
      { kerberos: { maxClockSkewSeconds: 60 } },
      seen({ clock: beyond }),
      'kerberos-clock-skewed',
    ],
    [
      'a wider limit is not known to be violated',
      { kerberos: { maxClockSkewSeconds: 600 } },
      seen({ clock: beyond }),
      'facts-missing',
    ],
    ['a response without a time is undecided', { kerberos: { maxClockSkewSeconds: 300 } }, seen(), 'facts-missing'],
    [
      'a proven violation counts before what is not known',
      { kerberos: { realm: name, maxClockSkewSeconds: 300 } },
      seen({ realm: { name }, clock: beyond }),
      'kerberos-clock-skewed',
    ],
  ])
})
