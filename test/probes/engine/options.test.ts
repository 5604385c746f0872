import { expect, test } from 'vitest'
import type { ResolvedExpectation, ResolvedRule } from '../../../src/domain/policy/policy.ts'
import { optionsOf } from '../../../src/probes/engine/options.ts'

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
    rule('tls', { tls: { refuses: ['TLSv1'], trusted: true } }, { tls: { refuses: ['TLSv1.1'], trustedCa: 'PEM' } }),
  )
  expect(options).toEqual({ offerVersions: ['TLSv1', 'TLSv1.1'], trustedCa: 'PEM' })
})

test('an expectation that exists only inside a window is probed too', () => {
  const inside: ResolvedExpectation = { ldap: { plainBind: 'refused' } }
  expect(optionsOf(rule('ldap', { state: ['closed'] }, inside))).toMatchObject({ plainBind: true })
})

test('a rule without a window needs only its expectation', () => {
  expect(optionsOf(rule('tls', { tls: { minVersion: 'TLSv1.2' } }))).toEqual({})
  expect(optionsOf(rule('https', { http: { plainServed: false } }))).toEqual({ plainHttp: true })
})
