import { describe, expect, test } from 'vitest'
import { evidenceOf, observationOf } from '../../../src/domain/findings/evidence.ts'
import type { Observation } from '../../../src/domain/findings/observation.ts'
import { digest } from '../../../src/encoding/canonical-json.ts'

const seen: Observation<'ldap'> = {
  probe: 'ldap',
  host: 'dc1.corp.test',
  port: 389,
  observedAt: '2026-01-01T00:00:00.000Z',
  addressResults: [
    {
      address: '10.0.0.1',
      state: 'open',
      reason: 'ldap-responded',
      facts: { activeDirectory: true },
      latencyMs: 3,
      attempts: 1,
      measurements: { clockSkewMs: 12 },
    },
    { address: 'fd00::1', state: 'closed', reason: 'connection-refused', facts: {}, latencyMs: 1, attempts: 1 },
  ],
}

describe('the evidence of an observation', () => {
  test('contains the request and, by address, what was seen', () => {
    expect(evidenceOf(seen)).toEqual({
      probe: 'ldap',
      host: 'dc1.corp.test',
      port: 389,
      addresses: {
        '10.0.0.1': { state: 'open', reason: 'ldap-responded', facts: { activeDirectory: true } },
        'fd00::1': { state: 'closed', reason: 'connection-refused', facts: {} },
      },
    })
  })

  test('is the same for any time, duration and number of probes, and for any measurements', () => {
    const [first, second] = seen.addressResults
    const later: Observation<'ldap'> = {
      ...seen,
      observedAt: '2027-05-05T00:00:00.000Z',
      addressResults: [
        { ...first, latencyMs: 900, attempts: 3, measurements: { clockSkewMs: -4000 } },
        ...(second ? [{ ...second, latencyMs: null, attempts: 2 }] : []),
      ],
    }
    expect(digest(evidenceOf(later))).toBe(digest(evidenceOf(seen)))
  })

  test('is the same in any order of the addresses', () => {
    const turned = { ...seen, addressResults: seen.addressResults.toReversed() as typeof seen.addressResults }
    expect(digest(evidenceOf(turned))).toBe(digest(evidenceOf(seen)))
  })

  test('is another when a fact, a state, a reason, an address, the host or the port is', () => {
    const [first] = seen.addressResults
    const others: Observation<'ldap'>[] = [
      { ...seen, host: 'dc2.corp.test' },
      { ...seen, port: 3268 },
      { ...seen, addressResults: [first] },
      { ...seen, addressResults: [{ ...first, facts: { activeDirectory: false } }] },
      { ...seen, addressResults: [{ ...first, state: 'filtered' }] },
      { ...seen, addressResults: [{ ...first, reason: 'ldap-bind-ok' }] },
      { ...seen, addressResults: [{ ...first, rejectedBy: '10.0.0.254' }] },
    ]
    const digests = [seen, ...others].map((observation) => digest(evidenceOf(observation)))
    expect(new Set(digests).size).toBe(digests.length)
  })

  test('names the sender of an ICMP message, and can be judged again with it', () => {
    const [first] = seen.addressResults
    const rejected = { state: 'filtered', reason: 'icmp-prohibited', rejectedBy: '10.0.0.254', facts: {} } as const
    const evidence = evidenceOf({ ...seen, addressResults: [{ ...first, ...rejected }] })
    expect(evidence.addresses).toEqual({ '10.0.0.1': rejected })
    expect(observationOf(evidence, new Date(0))?.addressResults).toMatchObject([{ address: '10.0.0.1', ...rejected }])
  })

  test('says of a silent port whether its host responded, and is as before where that is not known', () => {
    const [first] = seen.addressResults
    const silent = { ...first, state: 'filtered', reason: 'no-response', facts: {} } as const
    const stored = { state: 'filtered', reason: 'no-response', facts: {} }
    const evidence = [undefined, true, false].map((hostAnswered) =>
      evidenceOf({ ...seen, addressResults: [{ ...silent, hostAnswered }] }),
    )
    const addresses = [stored, { ...stored, hostAnswered: true }, { ...stored, hostAnswered: false }]
    expect(evidence.map((one) => one.addresses['10.0.0.1'])).toStrictEqual(addresses)
    expect(new Set(evidence.map(digest)).size).toBe(3)
    const again = evidence.map((one) => observationOf(one, new Date(0))?.addressResults[0].hostAnswered)
    expect(again).toEqual([undefined, true, false])
  })

  test('says of an open port how long a wait was in vain', () => {
    const [first] = seen.addressResults
    const silent = { state: 'open', reason: 'protocol-timeout', facts: {}, waitedMs: 6_000 } as const
    const evidence = evidenceOf({ ...seen, addressResults: [{ ...first, ...silent }] })
    expect(evidence.addresses['10.0.0.1']).toStrictEqual(silent)
    expect(observationOf(evidence, new Date(0))?.addressResults).toMatchObject([silent])
  })

  test('keeps a host without an address under the empty name', () => {
    const lost: Observation<'tcp'> = {
      ...seen,
      probe: 'tcp',
      addressResults: [
        { address: null, state: 'unresolved', reason: 'name-not-found', facts: {}, latencyMs: null, attempts: 0 },
      ],
    }
    expect(evidenceOf(lost).addresses).toEqual({ '': { state: 'unresolved', reason: 'name-not-found', facts: {} } })
  })
})
