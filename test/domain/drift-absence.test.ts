import { describe, expect, test } from 'vitest'
import type { Result } from '../../src/domain/findings/judge.ts'
import {
  causeOf,
  classify,
  type DriftCause,
  type DriftClass,
  type SeriesState,
} from '../../src/domain/history/drift.ts'

const state = (result: Result, more: Partial<SeriesState> = {}): SeriesState => ({
  result,
  state: 'open',
  reason: 'as-expected',
  evidence: { addresses: {} },
  policyVersion: 1,
  ...more,
})

describe('a series that is absent on one side because it was merely not tested', () => {
  const rows: [string, SeriesState | undefined, SeriesState | undefined, DriftClass | undefined][] = [
    ['known before', state('pass'), undefined, 'obscured'],
    ['known to fail before', state('fail'), undefined, 'obscured'],
    ['unknown before', state('unknown'), undefined, undefined],
    ['an error before', state('error'), undefined, undefined],
    ['not checked before', state('notchecked'), undefined, undefined],
    ['not applicable before', state('notapplicable'), undefined, undefined],
    ['known afterwards', undefined, state('fail'), 'clarified'],
    ['unknown afterwards', undefined, state('unknown'), undefined],
    ['not applicable afterwards', undefined, state('notapplicable'), undefined],
    ['never there', undefined, undefined, undefined],
  ]
  test.each(rows)('and was %s never vanished or appeared', (_, before, after, kind) => {
    expect(classify(before, after, { untested: true })).toBe(kind)
  })

  test('is so because of the world, not because of the scope', () => {
    expect(causeOf(state('pass'), undefined, { untested: true })).toBe('environment')
    expect(causeOf(undefined, state('pass'), { untested: true })).toBe('environment')
  })

  test('is of no matter where both sides are there', () => {
    expect(classify(state('pass'), state('fail'), { untested: true })).toBe('regressed')
    expect(causeOf(state('notapplicable'), state('fail'), { untested: true })).toBe('scope')
  })
})

describe('the policy is the cause of a drift', () => {
  const rows: [string, Partial<SeriesState>, Partial<SeriesState>, DriftCause][] = [
    ['where equal facts were judged by two versions', {}, { policyVersion: 2 }, 'policy'],
    ['not where there were no facts to judge', { evidence: null }, { evidence: null, policyVersion: 2 }, 'environment'],
    ['not where facts came', { evidence: null }, { policyVersion: 2 }, 'environment'],
    ['not where facts went', {}, { evidence: null, policyVersion: 2 }, 'environment'],
  ]
  test.each(rows)('%s', (_, before, after, cause) => {
    expect(causeOf(state('unknown', before), state('error', after))).toBe(cause)
  })
})
