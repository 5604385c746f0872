import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Result, results } from '../../../src/domain/findings/judge.ts'
import {
  causeOf,
  classify,
  compareFields,
  type DriftCause,
  type DriftClass,
  type SeriesState,
} from '../../../src/domain/history/drift.ts'

const state = (result: Result, more: Partial<SeriesState> = {}): SeriesState => ({
  result,
  state: 'open',
  reason: 'as-expected',
  evidence: { addresses: {} },
  policyVersion: 1,
  ...more,
})
const tested = { untested: false }
const untested = { untested: true }
const otherFacts = { evidence: { addresses: { '10.0.0.1': {} } } }

describe('the class of a drift', () => {
  const rows: [string, Result | undefined, Result | undefined, DriftClass | undefined][] = [
    ['pass to fail', 'pass', 'fail', 'regressed'],
    ['fail to pass', 'fail', 'pass', 'recovered'],
    ['pass to unknown', 'pass', 'unknown', 'obscured'],
    ['fail to error', 'fail', 'error', 'obscured'],
    ['pass to not checked', 'pass', 'notchecked', 'obscured'],
    ['unknown to fail', 'unknown', 'fail', 'clarified'],
    ['error to pass', 'error', 'pass', 'clarified'],
    ['not checked to pass', 'notchecked', 'pass', 'clarified'],
    ['unknown to error', 'unknown', 'error', 'changed'],
    ['a pass with another state or other facts', 'pass', 'pass', 'changed'],
    ['a failure with another reason', 'fail', 'fail', 'changed'],
    ['a new series', undefined, 'pass', 'appeared'],
    ['a new series that fails', undefined, 'fail', 'appeared'],
    ['a series that is gone', 'fail', undefined, 'vanished'],
    ['a rule that applies now', 'notapplicable', 'fail', 'appeared'],
    ['a rule that does not apply any more', 'pass', 'notapplicable', 'vanished'],
    ['a new series that does not apply', undefined, 'notapplicable', undefined],
    ['a series that did not apply and is gone', 'notapplicable', undefined, undefined],
    ['nothing on either side', undefined, undefined, undefined],
  ]
  test.each(rows)('%s', (_, before, after, kind) => {
    expect(classify(before, after, tested)).toBe(kind)
  })

  const opposite: Record<DriftClass, DriftClass> = {
    regressed: 'recovered',
    recovered: 'regressed',
    changed: 'changed',
    obscured: 'clarified',
    clarified: 'obscured',
    appeared: 'vanished',
    vanished: 'appeared',
  }
  test('is the opposite class in the other direction, for every pair', () => {
    const sides = [undefined, ...results]
    for (const before of sides) {
      for (const after of sides) {
        const forward = classify(before, after, tested)
        expect(classify(after, before, tested)).toBe(forward && opposite[forward])
      }
    }
  })
})

describe('the cause of a drift', () => {
  const rows: [string, SeriesState | undefined, SeriesState | undefined, DriftCause][] = [
    ['other facts', state('pass'), state('fail', otherFacts), 'environment'],
    [
      'other facts under another policy',
      state('pass'),
      state('fail', { ...otherFacts, policyVersion: 2 }),
      'environment',
    ],
    ['the same facts judged by another policy', state('pass'), state('fail', { policyVersion: 2 }), 'policy'],
    ['the same facts, the same policy', state('pass'), state('fail'), 'environment'],
    ['a series that came', undefined, state('pass'), 'scope'],
    ['a series that went', state('pass'), undefined, 'scope'],
    ['a rule that began to apply', state('notapplicable'), state('pass'), 'scope'],
  ]
  test.each(rows)('%s', (_, before, after, cause) => {
    expect(causeOf(before, after, tested)).toBe(cause)
  })
})

describe('a series that is absent on one side because it was not tested', () => {
  const rows: [string, Result | undefined, Result | undefined, DriftClass | undefined][] = [
    ['known before', 'pass', undefined, 'obscured'],
    ['known to fail before', 'fail', undefined, 'obscured'],
    ['unknown before', 'unknown', undefined, undefined],
    ['an error before', 'error', undefined, undefined],
    ['not checked before', 'notchecked', undefined, undefined],
    ['not applicable before', 'notapplicable', undefined, undefined],
    ['known afterwards', undefined, 'fail', 'clarified'],
    ['unknown afterwards', undefined, 'unknown', undefined],
    ['not applicable afterwards', undefined, 'notapplicable', undefined],
    ['never present', undefined, undefined, undefined],
  ]
  test.each(rows)('and was %s neither vanished nor appeared', (_, before, after, kind) => {
    expect(classify(before, after, untested)).toBe(kind)
  })

  test('has the environment as its cause, not the scope', () => {
    expect(causeOf(state('pass'), undefined, untested)).toBe('environment')
    expect(causeOf(undefined, state('pass'), untested)).toBe('environment')
  })

  test('makes no difference if both sides are present', () => {
    expect(classify('pass', 'fail', untested)).toBe('regressed')
    expect(causeOf(state('notapplicable'), state('fail'), untested)).toBe('scope')
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
    expect(causeOf(state('unknown', before), state('error', after), tested)).toBe(cause)
  })
})

describe('the changed fields', () => {
  const fields = (before: unknown, after: unknown) =>
    compareFields(state('pass', { evidence: before }), state('pass', { evidence: after }))

  test('are named by JSON Pointers, with both sides', () => {
    const before = state('pass', { state: 'closed', evidence: { a: { b: 1, c: 'same' } } })
    const after = state('fail', { reason: 'unexpected-state', evidence: { a: { b: 2, c: 'same' } } })
    expect(compareFields(before, after)).toEqual([
      { path: '/evidence/a/b', before: 1, after: 2 },
      { path: '/reason', before: 'as-expected', after: 'unexpected-state' },
      { path: '/result', before: 'pass', after: 'fail' },
      { path: '/state', before: 'closed', after: 'open' },
    ])
  })

  test('escape what JSON Pointers escape (RFC 6901 section 4)', () => {
    expect(fields({ 'a/b': { '~1': 1 } }, { 'a/b': { '~1': 2 } })).toEqual([
      { path: '/evidence/a~1b/~01', before: 1, after: 2 },
    ])
  })

  test('show null for a side that is absent', () => {
    expect(fields({ a: 1 }, { b: [2] })).toEqual([
      { path: '/evidence/a', before: 1, after: null },
      { path: '/evidence/b', before: null, after: [2] },
    ])
  })

  test('compare lists by index, and a list with an object as a whole', () => {
    expect(fields({ l: [1, 2, 3], m: [1] }, { l: [1, 9], m: { 0: 1 } })).toEqual([
      { path: '/evidence/l/1', before: 2, after: 9 },
      { path: '/evidence/l/2', before: 3, after: null },
      { path: '/evidence/m', before: [1], after: { 0: 1 } },
    ])
  })

  test('are all fields of one side if the other is absent', () => {
    expect(compareFields(undefined, state('fail', { evidence: null }))).toEqual([
      { path: '/reason', before: null, after: 'as-expected' },
      { path: '/result', before: null, after: 'fail' },
      { path: '/state', before: null, after: 'open' },
    ])
  })

  test('are none in an unchanged outcome, even under another policy version', () => {
    expect(compareFields(state('pass'), state('pass'))).toEqual([])
    expect(compareFields(state('pass'), state('pass', { policyVersion: 2 }))).toEqual([])
  })

  test('are none between equal values, and swap with their sides', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        expect(fields(one, structuredClone(one))).toEqual([])
        const forward = fields(one, other).map(({ path, before, after }) => ({ path, before: after, after: before }))
        expect(fields(other, one)).toEqual(forward)
      }),
    )
  })
})
