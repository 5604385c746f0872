import { describe } from 'vitest'
import type { RdpFacts } from '../../../src/domain/protocols/rdp.ts'
import { certificate } from '../findings/rules.ts'
import { testJudgements } from './judging.ts'

describe('rdp', () => {
  const tls = { protocol: 'TLSv1.2', certificate: certificate(), trusted: true, nameMatches: true } as const
  const refusesAll = { standard: 'refused', tls: 'refused' } as const
  const secured = (rdp: RdpFacts['rdp'] = {}, more: RdpFacts = {}) =>
    ({ reason: 'rdp-tls-ok', facts: { ...tls, ...more, rdp: { selected: 'nla', ...rdp } } }) as const
  const standard = { reason: 'rdp-without-tls', facts: { rdp: { selected: 'standard' } } } as const
  const refused = { reason: 'rdp-refused', facts: { rdp: { refusedWith: 4 } } } as const
  const nla = { rdp: { nla: 'required' } } as const
  const noRdstls = { rdp: { refuses: ['rdstls' as const] } }
  testJudgements('rdp', [
    ['a peer that speaks RDP passes', { rdp: { speaks: true } }, secured(), 'as-expected'],
    ['one without TLS speaks RDP too', { rdp: { speaks: true } }, standard, 'as-expected'],
    ['one that refuses each security protocol speaks it too', { rdp: { speaks: true } }, refused, 'as-expected'],
    [
      'one of another protocol fails with that',
      { rdp: { speaks: true } },
      { reason: 'protocol-mismatch', facts: { spoke: 'http' } },
      'protocol-mismatch',
    ],
    [
      'a silent one is undecided',
      { rdp: { speaks: true } },
      { reason: 'protocol-timeout', facts: { spoke: 'nothing' } },
      'protocol-timeout',
    ],
    [
      'a demand that is switched off is not judged',
      { rdp: { speaks: false } },
      { reason: 'protocol-timeout', facts: {} },
      'as-expected',
    ],
    ['NLA alone passes', nla, secured({ securities: refusesAll }), 'as-expected'],
    [
      'NLA with early authorization passes',
      nla,
      secured({ selected: 'nla-early-auth', securities: refusesAll }),
      'as-expected',
    ],
    [
      'TLS without NLA fails',
      nla,
      secured({ securities: { standard: 'refused', tls: 'accepted' } }),
      'rdp-nla-not-required',
    ],
    [
      'standard security fails',
      nla,
      secured({ securities: { standard: 'accepted', tls: 'not-tested' } }),
      'rdp-nla-not-required',
    ],
    ['a peer without NLA fails', nla, secured({ selected: 'rdstls', securities: refusesAll }), 'rdp-nla-not-required'],
    [
      'what could not be offered is unknown',
      nla,
      secured({ securities: { standard: 'refused', tls: 'not-tested' } }),
      'rdp-security-not-tested',
    ],
    ['what was not offered is unknown', nla, secured(), 'rdp-security-not-tested'],
    [
      'a peer that refuses everything fails with that',
      nla,
      { ...refused, facts: { rdp: { refusedWith: 4, securities: refusesAll } } },
      'rdp-refused',
    ],
    [
      'a forbidden protocol that is refused passes',
      noRdstls,
      secured({ securities: { rdstls: 'refused' } }),
      'as-expected',
    ],
    [
      'a forbidden protocol that is accepted fails',
      noRdstls,
      secured({ securities: { rdstls: 'accepted' } }),
      'rdp-security-accepted',
    ],
    ['an empty list demands nothing', { rdp: { refuses: [] } }, refused, 'as-expected'],
    ['the certificate is judged as any other', { tls: { trusted: true, nameMatches: true } }, secured(), 'as-expected'],
    ['an untrusted one fails', { tls: { trusted: true } }, secured({}, { trusted: false }), 'certificate-untrusted'],
    ['a peer without TLS fails a demand on TLS', { tls: { minVersion: 'TLSv1.2' } }, standard, 'rdp-without-tls'],
  ])
})
