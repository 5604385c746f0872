import { describe, expect, test } from 'vitest'
import type { Result } from '../../../src/domain/findings/judge.ts'
import type { AddressResult, Observation } from '../../../src/domain/findings/observation.ts'
import { judgePair, otherSideOf } from '../../../src/domain/findings/paired-rule.ts'
import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import type { State } from '../../../src/domain/findings/state.ts'
import type { ResolvedRule } from '../../../src/domain/policy/policy.ts'

const rule: ResolvedRule = {
  id: 'inside-only',
  title: 'Open from clients and not from strangers',
  severity: 'high',
  direction: 'inbound',
  from: ['client'],
  probe: 'tcp',
  port: 443,
  expect: { state: ['open'] },
  unlike: { from: ['untrusted'], expect: { state: ['closed', 'filtered'] } },
}

const reasonOf: Partial<Record<State, ReasonCode>> = {
  open: 'tcp-connected',
  closed: 'connection-refused',
  filtered: 'no-response',
  unknown: 'descriptors-exhausted',
}

function seen(state: State | 'missing'): Observation | undefined {
  if (state === 'missing') return undefined
  const reason = reasonOf[state] ?? 'local-failure'
  const addressResult: AddressResult = { address: '192.0.2.1', state, reason, facts: {}, latencyMs: 1, attempts: 1 }
  return {
    probe: 'tcp',
    host: '192.0.2.1',
    port: 443,
    observedAt: '2026-01-01T00:00:00Z',
    addressResults: [addressResult],
  }
}

type Side = State | 'missing'

test('a pair passes with addresses left out on either side, and says so', () => {
  const [here, there] = [seen('open'), seen('closed')]
  if (!here || !there) throw new Error('both sides are there')
  const denied: AddressResult = {
    ...here.addressResults[0],
    address: 'fd00::1',
    state: 'unknown',
    reason: 'egress-denied',
  }
  const partly = (one: Observation): Observation => ({ ...one, addressResults: [denied, ...one.addressResults] })
  for (const pair of [
    { seen: partly(here), others: [there] },
    { seen: here, others: [there, partly(there)] },
  ])
    expect(judgePair(rule, pair)).toMatchObject({ result: 'pass', reason: 'addresses-left-out' })
  const strict = judgePair({ ...rule, families: ['ipv4', 'ipv6'] }, { seen: here, others: [partly(there)] })
  expect(strict).toMatchObject({ result: 'error', reason: 'egress-denied' })
})

describe('a rule that demands "open from here and not from there"', () => {
  test.each<[here: Side, there: Side[], Result, ReasonCode]>([
    ['open', ['filtered'], 'pass', 'as-expected'],
    ['open', ['closed'], 'pass', 'as-expected'],
    ['open', ['closed', 'filtered'], 'pass', 'as-expected'],
    ['open', ['open'], 'fail', 'unexpected-state'],
    ['open', ['closed', 'open'], 'fail', 'unexpected-state'],
    ['closed', ['closed'], 'fail', 'connection-refused'],
    ['closed', ['open'], 'fail', 'connection-refused'],
    ['filtered', ['unknown'], 'fail', 'no-response'],
    ['unknown', ['open'], 'fail', 'unexpected-state'],
    ['open', ['unknown'], 'unknown', 'descriptors-exhausted'],
    ['unknown', ['closed'], 'unknown', 'descriptors-exhausted'],
    // Half a pair is nothing, for any result of the half.
    ['open', ['missing'], 'unknown', 'pair-incomplete'],
    ['open', ['closed', 'missing'], 'unknown', 'pair-incomplete'],
    ['open', ['open', 'missing'], 'unknown', 'pair-incomplete'],
    ['open', [], 'unknown', 'pair-incomplete'],
    ['closed', ['missing'], 'unknown', 'pair-incomplete'],
    ['missing', ['closed'], 'unknown', 'pair-incomplete'],
    ['missing', ['open'], 'unknown', 'pair-incomplete'],
    ['missing', ['missing'], 'unknown', 'pair-incomplete'],
  ])('seen %s from here and %j from there: %s, %s', (here, there, result, reason) => {
    expect(judgePair(rule, { seen: seen(here), others: there.map(seen) })).toMatchObject({ result, reason })
  })

  test('says the state of the side that decides', () => {
    expect(judgePair(rule, { seen: seen('open'), others: [seen('filtered')] }).state).toBe('open')
    expect(judgePair(rule, { seen: seen('open'), others: [seen('unknown')] }).state).toBe('unknown')
    expect(judgePair(rule, { seen: seen('closed'), others: [seen('filtered')] }).state).toBe('closed')
  })

  test('has another side with its own zones and expectation, and no other side itself', () => {
    expect(otherSideOf(rule)).toEqual({
      ...rule,
      from: ['untrusted'],
      expect: { state: ['closed', 'filtered'] },
      unlike: undefined,
    })
  })
})
