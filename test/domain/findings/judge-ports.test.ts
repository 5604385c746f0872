import { describe, expect, test } from 'vitest'
import { judge } from '../../../src/domain/findings/judge.ts'
import type { AddressResult } from '../../../src/domain/findings/observation.ts'
import { describeReason } from '../../../src/domain/findings/reasons.ts'
import type { ResolvedExpectation } from '../../../src/domain/policy/policy.ts'
import { now, ruleThat } from './rules.ts'

type Result = Partial<AddressResult<'tcp'>>
const address = '10.0.0.1'
const refused = { state: 'closed', reason: 'connection-refused' } as const
const connected = { state: 'open', reason: 'tcp-connected' } as const
const silent = { state: 'filtered', reason: 'no-response' } as const

function judged(expect: ResolvedExpectation, result: Result) {
  const rule = { ...ruleThat({}), probe: 'tcp', port: 1, ports: ['1-10'], expect } as const
  const one = { address, ...refused, facts: {}, latencyMs: 1, attempts: 1, ...result } as AddressResult<'tcp'>
  const seen = { probe: 'tcp', host: address, port: 1, observedAt: now, addressResults: [one] } as const
  const { result: verdict, reason } = judge(
    { ...rule, ports: [...rule.ports] },
    { ...seen, addressResults: [one] },
    { windowOpen: false },
  )
  return [verdict, reason]
}

describe('only these may be open', () => {
  const only = { onlyOpen: [5] }
  test.each<[string, Result, string, string]>([
    ['nothing is open', { facts: { closed: ['1-10'] } }, 'pass', 'as-expected'],
    [
      'an allowed port is open',
      { ...connected, facts: { open: ['5'], filtered: ['1-4', '6-10'] } },
      'pass',
      'as-expected',
    ],
    [
      'another port is open',
      { ...connected, facts: { open: ['5-6'], closed: ['1-4', '7-10'] } },
      'fail',
      'ports-unexpectedly-open',
    ],
    [
      'another port is open, others are unknown',
      { ...connected, facts: { open: ['6'] } },
      'fail',
      'ports-unexpectedly-open',
    ],
    ['a port is unknown', { facts: { closed: ['1-9'] } }, 'unknown', 'ports-undecided'],
    ['only the allowed port is unknown', { facts: { closed: ['1-4', '6-10'] } }, 'pass', 'as-expected'],
    ['a port is denied by the egress policy', { facts: { closed: ['1-9'], denied: ['10'] } }, 'error', 'egress-denied'],
    [
      'all are silent, and the host too',
      { ...silent, facts: { filtered: ['1-10'] }, hostAnswered: false },
      'unknown',
      'host-silent',
    ],
    [
      'all are silent, and the host responds elsewhere',
      { ...silent, facts: { filtered: ['1-10'] }, hostAnswered: true },
      'pass',
      'as-expected',
    ],
    [
      'no host is there',
      { state: 'unreachable', reason: 'host-unreachable', facts: { filtered: ['1-10'] } },
      'unknown',
      'host-unreachable',
    ],
    ['the prober fails', { state: 'unknown', reason: 'descriptors-exhausted' }, 'unknown', 'descriptors-exhausted'],
    ['an older agent lists no ports', {}, 'unknown', 'ports-undecided'],
  ])('%s', (_what, result, verdict, reason) => {
    expect(judged(only, result)).toEqual([verdict, reason])
  })

  test('accepts silence if the rule says so', () => {
    const result = { ...silent, facts: { filtered: ['1-10'] }, hostAnswered: false }
    expect(judged({ ...only, hostAnswered: false }, result)).toEqual(['pass', 'silence-accepted'])
  })
})

describe('a state for each port', () => {
  test('all must be open', () => {
    expect(judged({ state: ['open'] }, { ...connected, facts: { open: ['1-10'] } })).toEqual(['pass', 'as-expected'])
    const one = { ...connected, facts: { open: ['1-9'], closed: ['10'] } }
    expect(judged({}, one)).toEqual(['fail', 'ports-not-as-expected'])
  })

  test('none may be open', () => {
    const state: ResolvedExpectation['state'] = ['closed', 'filtered']
    const one = { ...connected, facts: { open: ['3'], closed: ['1-2', '4-10'] } }
    expect(judged({ state }, one)).toEqual(['fail', 'ports-unexpectedly-open'])
    const quiet = { ...silent, facts: { filtered: ['1-10'] }, hostAnswered: false }
    expect(judged({ state }, quiet)).toEqual(['pass', 'silence-accepted'])
    expect(judged({ state, hostAnswered: true }, quiet)).toEqual(['unknown', 'host-silent'])
  })
})

test('the reason names open ports, and the number of the others', () => {
  const open = Array.from({ length: 12 }, (_, i) => String(i * 2 + 1))
  const evidence = { probe: 'tcp', addresses: { [address]: { ...connected, facts: { open } } } }
  expect(describeReason('ports-unexpectedly-open', evidence).message).toMatch(
    /Open in the set: 1, 3, .*, 19 and 2 more\.$/,
  )
})
