import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  companionsOf,
  hostAnswered,
  hostResponseOf,
  maxCompanions,
  responsesAt,
} from '../../../src/domain/findings/host-response.ts'
import type { Observation } from '../../../src/domain/findings/observation.ts'
import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import type { State } from '../../../src/domain/findings/state.ts'
import type { ResolvedRule } from '../../../src/domain/policy/policy.ts'
import { observation, ruleThat } from './rules.ts'

describe('what a port shows of its host', () => {
  const [host, router] = ['192.0.2.1', '192.0.2.254']
  test.each<[State, ReasonCode, string, string?]>([
    ['open', 'tcp-connected', 'responded'],
    ['open', 'connection-reset', 'responded'],
    ['open', 'protocol-timeout', 'responded'],
    ['closed', 'connection-refused', 'responded'],
    ['closed', 'icmp-port-unreachable', 'responded', host],
    ['closed', 'icmp-port-unreachable', 'silent', router],
    ['filtered', 'icmp-prohibited', 'responded', host],
    ['filtered', 'icmp-prohibited', 'silent', router],
    ['unreachable', 'host-unreachable', 'silent', router],
    ['filtered', 'no-response', 'silent'],
    ['filtered', 'icmp-prohibited', 'silent'],
    ['unreachable', 'host-unreachable', 'silent'],
    ['unknown', 'egress-denied', 'silent'],
    ['unknown', 'descriptors-exhausted', 'failed'],
    ['unknown', 'no-local-route', 'failed'],
    ['unknown', 'credential-withheld', 'failed'],
  ])('%s, %s: %s %s', (state, reason, response, rejectedBy) => {
    expect(hostResponseOf({ address: host, state, reason, rejectedBy })).toBe(response)
  })

  test('one response suffices, and only silence of every companion is the silence of the host', () => {
    expect(hostAnswered(['silent', undefined, 'responded', 'failed'])).toBe(true)
    expect(hostAnswered(['silent', 'silent'])).toBe(false)
    expect(hostAnswered([])).toBe(false)
    expect(hostAnswered(['silent', 'failed'])).toBe(undefined)
    expect(hostAnswered(['silent', undefined])).toBe(undefined)
  })

  test('counts at its own address and port only, and the best of several probes', () => {
    const at = (port: number, ...seen: Parameters<typeof observation>): Observation => ({
      ...observation(...seen),
      port,
    })
    const silent = { state: 'filtered', reason: 'no-response' } as const
    const open = { state: 'open', reason: 'tcp-connected' } as const
    const failed = { state: 'unknown', reason: 'local-failure' } as const
    const seen = [at(443, silent, open), at(443, open, silent), at(443, silent, silent), at(22, failed), at(80, silent)]
    expect(responsesAt('10.0.0.1', [80, 443, 22, 25], seen)).toEqual(['silent', 'responded', undefined, undefined])
    expect(responsesAt('10.0.0.9', [443], seen)).toEqual([undefined])
  })
})

describe('the companions of a rule', () => {
  const ruleAt = (port: number, more: Partial<ResolvedRule> = {}): ResolvedRule => ({ ...ruleThat({}), port, ...more })
  const mustBeClosed = { expect: { state: ['closed', 'filtered'] } } as Partial<ResolvedRule>

  test('are the other ports of its host, from any zone, those that may be open first', () => {
    const ssh = ruleAt(22, { ...mustBeClosed, from: ['support'] })
    const telnet = ruleAt(23, { ...mustBeClosed, from: ['client'] })
    const dc = ruleAt(389, { host: 'dc' })
    const ldaps = ruleAt(636, { host: 'dc' })
    const companions = companionsOf([ssh, telnet, ruleAt(443), ruleAt(443), dc, ldaps])
    expect([ssh, telnet, dc].map(companions)).toEqual([[443, 23], [443, 22], [636]])
    expect(companionsOf([dc])(dc)).toEqual([])
  })

  test('are bounded, and do not hold the port of the rule', () => {
    const rule = fc
      .record({ port: fc.integer({ min: 1, max: 60 }), host: fc.constantFrom(undefined, 'dc') })
      .map(({ port, host }) => ruleAt(port, host ? { host } : {}))
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 80 }), (rules) => {
        const companions = companionsOf(rules)
        for (const one of rules) {
          const named = new Set(
            rules.filter(({ host, port }) => host === one.host && port !== one.port).map((r) => r.port),
          )
          const found = companions(one)
          expect(new Set(found).size).toBe(found.length)
          expect(found).toHaveLength(Math.min(named.size, maxCompanions))
          expect(found.every((port) => named.has(port))).toBe(true)
        }
      }),
    )
  })
})
