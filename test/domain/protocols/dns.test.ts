import { describe } from 'vitest'
import type { DnsFacts } from '../../../src/domain/protocols/dns.ts'
import { testJudgements } from './judging.ts'

const zone = 'ad.lab.test'
const service = '_ldap._tcp.dc._msdcs.ad.lab.test'
const seen = (more: Partial<NonNullable<DnsFacts['dns']>> = {}) =>
  ({ reason: 'dns-responded', facts: { dns: { rcode: 'NOERROR', ...more } } }) as const
/** It responded, and then nothing came. */
const stalled = (more: Partial<NonNullable<DnsFacts['dns']>> = {}) =>
  ({ ...seen(more), reason: 'protocol-timeout' }) as const
const silent = { reason: 'protocol-timeout', facts: { spoke: 'nothing' } } as const
const served = { name: zone, rcode: 'NOERROR', authoritative: true }
const mustRefuse = { dns: { zone, zoneTransfer: 'refused' } } as const

describe('dns', () => {
  testJudgements('dns', [
    ['a response with any code is a response', { dns: { answers: true } }, seen({ rcode: 'REFUSED' }), 'as-expected'],
    ['a silent port is undecided', { dns: { answers: true } }, silent, 'protocol-timeout'],
    [
      'one that speaks something else fails with that',
      { dns: { answers: true } },
      { reason: 'protocol-mismatch', facts: { spoke: 'http' } },
      'protocol-mismatch',
    ],
    ['a demand that is switched off is not judged', { dns: { answers: false } }, silent, 'as-expected'],
    ['a zone that is served passes', { dns: { zone } }, seen({ zone: served }), 'as-expected'],
    ['the case of its name does not matter', { dns: { zone: 'AD.LAB.test' } }, seen({ zone: served }), 'as-expected'],
    [
      'a zone without authority fails',
      { dns: { zone } },
      seen({ zone: { ...served, authoritative: false } }),
      'dns-zone-not-served',
    ],
    [
      'what was seen of another zone decides nothing',
      { dns: { zone: 'x.test' } },
      seen({ zone: served }),
      'facts-missing',
    ],
    ['a zone after which nothing came is undecided', { dns: { zone } }, stalled(), 'protocol-timeout'],
    [
      'a service with a record passes',
      { dns: { services: [service.toUpperCase()] } },
      seen({ records: [`${service} SRV 0 100 389 dc1.ad.lab.test`] }),
      'as-expected',
    ],
    [
      'one without a record fails',
      { dns: { services: [service] } },
      seen({ records: [], missing: [`${service} NXDOMAIN`] }),
      'dns-record-missing',
    ],
    [
      'the record of a longer name does not count',
      { dns: { services: ['_ldap._tcp'] } },
      seen({ records: ['_ldap._tcp.x SRV 0 100 389 dc1.ad.lab.test'] }),
      'facts-missing',
    ],
    [
      'records that are not kept are undecided',
      { dns: { services: [service] } },
      { reason: 'dns-responded', facts: { dns: { rcode: 'NOERROR' }, omitted: ['dns/records'] } },
      'response-too-large',
    ],
    [
      'records that did not fit into a datagram are undecided',
      { dns: { services: [service] } },
      seen({ records: [], truncated: [service] }),
      'dns-response-truncated',
    ],
    [
      'recursion that is refused passes',
      { dns: { recursion: 'refused' } },
      seen({ recursion: 'refused' }),
      'as-expected',
    ],
    [
      'recursion that is offered fails',
      { dns: { recursion: 'refused' } },
      seen({ recursion: 'offered' }),
      'dns-recursion-offered',
    ],
    ['unclear recursion is undecided', { dns: { recursion: 'refused' } }, seen(), 'facts-missing'],
    [
      'recursion that is needed passes',
      { dns: { recursion: 'offered' } },
      seen({ recursion: 'offered' }),
      'as-expected',
    ],
    [
      'recursion that is needed and refused fails',
      { dns: { recursion: 'offered' } },
      seen({ recursion: 'refused' }),
      'dns-recursion-refused',
    ],
    [
      'a refused transfer passes',
      mustRefuse,
      seen({ zone: served, zoneTransfer: { outcome: 'refused' } }),
      'as-expected',
    ],
    [
      'a transfer fails',
      mustRefuse,
      seen({ zone: served, zoneTransfer: { outcome: 'allowed' } }),
      'dns-zone-transfer-allowed',
    ],
    [
      'an unclear one is undecided',
      mustRefuse,
      seen({ zone: served, zoneTransfer: { outcome: 'unclear', rcode: 'SERVFAIL' } }),
      'dns-zone-transfer-unclear',
    ],
    [
      'a refused transfer of a zone that is not served proves nothing',
      mustRefuse,
      seen({ zone: { ...served, authoritative: false }, zoneTransfer: { outcome: 'refused' } }),
      'dns-zone-not-served',
    ],
    ['a transfer that was not requested is undecided', mustRefuse, seen({ zone: served }), 'facts-missing'],
    [
      'a proven violation counts before what is not known',
      { dns: { zone, zoneTransfer: 'refused', recursion: 'refused' } },
      stalled({ zone: served, recursion: 'offered' }),
      'dns-recursion-offered',
    ],
  ])
})
