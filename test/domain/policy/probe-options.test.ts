import { describe, expect, test } from 'vitest'
import { isSupported } from '../../../src/domain/policy/judgeable.ts'
import type { ResolvedExpectation, ResolvedRule } from '../../../src/domain/policy/policy.ts'
import { optionsOf } from '../../../src/domain/policy/probe-options.ts'

const rule = (
  probe: ResolvedRule['probe'],
  expectation: ResolvedExpectation,
  inside?: ResolvedExpectation,
): ResolvedRule => ({
  id: 'rule',
  title: 'A rule',
  severity: 'high',
  direction: 'inbound',
  from: ['client'],
  probe,
  port: 443,
  expect: expectation,
  ...(inside ? { insideWindow: { expect: inside } } : {}),
})

test('a probe gets the options for the expectations outside and inside a window', () => {
  const options = optionsOf(
    rule('tls', { tls: { refuses: ['TLSv1'], trusted: true } }, { tls: { refuses: ['TLSv1.1'] } }),
  )
  expect(options).toEqual({ offerVersions: ['TLSv1', 'TLSv1.1'] })
})

test('an expectation that exists only inside a window is probed too', () => {
  const inside: ResolvedExpectation = { ldap: { plainBind: 'refused' } }
  expect(optionsOf(rule('ldap', { state: ['closed'] }, inside))).toMatchObject({ plainBind: true })
})

test('a rule without a window needs only its expectation', () => {
  expect(optionsOf(rule('tls', { tls: { minVersion: 'TLSv1.2' } }))).toEqual({})
  expect(optionsOf(rule('https', { http: { plainServed: false } }))).toEqual({ plainHttp: true })
})

describe('a rule whose expectations need two different observations', () => {
  const trusted: ResolvedExpectation = { tls: { trusted: true } }
  const ownCa: ResolvedExpectation = { tls: { trusted: true, trustedCa: 'PEM' } }

  test('is not supported: the authorities of a window would vouch outside it', () => {
    expect(isSupported(rule('tls', trusted, ownCa))).toBe(false)
    expect(isSupported(rule('tls', ownCa, trusted))).toBe(false)
    expect(isSupported(rule('tls', { state: ['closed'] }, ownCa))).toBe(true)
    expect(isSupported(rule('tls', ownCa, ownCa))).toBe(true)
  })

  test('is not supported: a request in clear would be judged as TLS', () => {
    expect(isSupported(rule('https', trusted, { http: { plainServed: false } }))).toBe(false)
  })
})
