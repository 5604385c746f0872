import { describe, expect, test } from 'vitest'
import { compareFields, type DriftClass, driftClasses, type SeriesState } from '../../../src/domain/history/drift.ts'
import { type Significance, significanceOf, significanceOfDrift } from '../../../src/domain/history/significance.ts'
import { certificate } from '../findings/rules.ts'

const state = (facts: object, more: Partial<SeriesState> = {}): SeriesState => ({
  result: 'pass',
  state: 'open',
  reason: 'as-expected',
  evidence: {
    probe: 'tls',
    host: 'h',
    port: 443,
    addresses: { '10.0.0.1': { state: 'open', reason: 'tls-ok', facts } },
  },
  policyVersion: 1,
  ...more,
})

/** The significance of a change of facts that leaves the result as it is. */
function weigh(before: object, after: object): Significance {
  const sides = { before: state(before), after: state(after) }
  return significanceOfDrift('changed', { ...sides, changes: compareFields(sides.before, sides.after) })
}

const renewed = {
  serialNumber: '02',
  sha256: 'ef',
  notBefore: '2026-11-01T00:00:00Z',
  notAfter: '2027-11-01T00:00:00Z',
}
const hostKey = { type: 'ssh-ed25519', sha256: 'SHA256:a', verified: true }
const algorithms = { kex: ['a'], hostKey: ['ssh-ed25519'], cipherClientToServer: ['x'] }

describe('the significance of changed facts', () => {
  const rows: [string, object, object, Significance][] = [
    [
      'a certificate renewed with the same key and issuer',
      { certificate: certificate(), chain: ['ab', 'ca'] },
      { certificate: certificate(renewed), chain: ['ef', 'ca'] },
      'info',
    ],
    [
      'a certificate of another issuer',
      { certificate: certificate() },
      { certificate: certificate({ ...renewed, issuer: 'CN=Another CA' }) },
      'notice',
    ],
    [
      'a certificate with another key',
      { certificate: certificate() },
      { certificate: certificate({ ...renewed, publicKey: { type: 'ec', bits: 256, sha256: '99' } }) },
      'notice',
    ],
    [
      'a certificate for another name',
      { certificate: certificate() },
      { certificate: certificate({ ...renewed, sans: ['DNS:other.test'] }) },
      'notice',
    ],
    [
      'a certificate of another issuer at a directory',
      { tls: { certificate: certificate() } },
      { tls: { certificate: certificate({ issuer: 'CN=Another CA' }) } },
      'notice',
    ],
    ['a chain that is not trusted any more', { trusted: true }, { trusted: false }, 'alert'],
    ['an older TLS version', { protocol: 'TLSv1.3' }, { protocol: 'TLSv1.2' }, 'notice'],
    [
      'an old version that is accepted',
      { versions: { TLSv1: 'refused' } },
      { versions: { TLSv1: 'accepted' } },
      'notice',
    ],
    ['another SSH host key', { hostKey }, { hostKey: { ...hostKey, sha256: 'SHA256:b' } }, 'alert'],
    ['a host key whose signature is wrong', { hostKey }, { hostKey: { ...hostKey, verified: false } }, 'alert'],
    [
      'other host key algorithms on offer',
      { algorithms },
      { algorithms: { ...algorithms, hostKey: ['ecdsa-sha2-nistp256'] } },
      'notice',
    ],
    [
      'another cipher on offer',
      { algorithms },
      { algorithms: { ...algorithms, cipherClientToServer: ['y'] } },
      'notice',
    ],
    ['another SSH software', { software: 'OpenSSH_9.2' }, { software: 'OpenSSH_9.3' }, 'info'],
    ['another bind result', { bind: { resultCode: 0 } }, { bind: { resultCode: 49 } }, 'notice'],
    ['no directory of Windows any more', { activeDirectory: true }, { activeDirectory: false }, 'notice'],
    ['another status of HTTP', { http: { status: 200 } }, { http: { status: 302 } }, 'info'],
    ['facts that were not there before', {}, { hostKey, certificate: certificate(), trusted: false }, 'info'],
  ]
  test.each(rows)('%s', (_, before, after, significance) => {
    expect(weigh(before, after)).toBe(significance)
  })

  test('is that of the weightiest field', () => {
    const both = { hostKey, software: 'a' }
    expect(weigh(both, { hostKey: { ...hostKey, sha256: 'SHA256:b' }, software: 'b' })).toBe('alert')
  })

  test('is that of the field alone, for each field', () => {
    const field = (path: string) => significanceOf({ path, before: 1, after: 2 })
    expect(field('/evidence/addresses/10.0.0.1/facts/hostKey/sha256')).toBe('alert')
    expect(field('/state')).toBe('notice')
    expect(field('/reason')).toBe('info')
    expect(field('/evidence/addresses/10.0.0.1/state')).toBe('info')
  })
})

describe('the significance of a drift', () => {
  const exposed = state({}, { result: 'fail', reason: 'unexpected-state' })
  const closed = state({}, { state: 'closed' })
  const drift = (kind: DriftClass, before: SeriesState | undefined, after: SeriesState | undefined) =>
    significanceOfDrift(kind, { before, after, changes: [] })

  const rows: [string, DriftClass, SeriesState | undefined, SeriesState | undefined, Significance][] = [
    ['a forbidden port that opened', 'regressed', closed, exposed, 'alert'],
    ['a new series with a forbidden port open', 'appeared', undefined, exposed, 'alert'],
    ['a forbidden port that turns out to be open', 'clarified', state({}, { result: 'unknown' }), exposed, 'alert'],
    ['a forbidden port that was open before', 'changed', exposed, exposed, 'info'],
    ['a forbidden port that is closed again', 'recovered', exposed, closed, 'info'],
    ['a forbidden port that left the scope', 'vanished', exposed, undefined, 'notice'],
    [
      'a port that must be open and is not',
      'regressed',
      state({}),
      state({}, { result: 'fail', state: 'closed' }),
      'notice',
    ],
    [
      'an open port that breaks the rule otherwise',
      'regressed',
      state({}),
      state({}, { result: 'fail', reason: 'certificate-expired' }),
      'notice',
    ],
  ]
  test.each(rows)('%s', (_, kind, before, after, significance) => {
    expect(drift(kind, before, after)).toBe(significance)
  })

  const byClass: Record<DriftClass, Significance> = {
    regressed: 'notice',
    recovered: 'info',
    changed: 'info',
    obscured: 'notice',
    clarified: 'info',
    appeared: 'info',
    vanished: 'notice',
  }
  test.each(driftClasses)('%s weighs by itself what its class does', (kind) => {
    expect(drift(kind, state({}), state({}))).toBe(byClass[kind])
  })
})
