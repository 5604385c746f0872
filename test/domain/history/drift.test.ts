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
const otherFacts = { evidence: { addresses: { '10.0.0.1': {} } } }

describe('the class of a drift', () => {
  const rows: [string, SeriesState | undefined, SeriesState | undefined, DriftClass | undefined][] = [
    ['pass to fail', state('pass'), state('fail'), 'regressed'],
    ['fail to pass', state('fail'), state('pass'), 'recovered'],
    ['pass to unknown', state('pass'), state('unknown'), 'obscured'],
    ['fail to error', state('fail'), state('error'), 'obscured'],
    ['pass to not checked', state('pass'), state('notchecked'), 'obscured'],
    ['unknown to fail', state('unknown'), state('fail'), 'clarified'],
    ['error to pass', state('error'), state('pass'), 'clarified'],
    ['not checked to pass', state('notchecked'), state('pass'), 'clarified'],
    ['unknown to error', state('unknown'), state('error'), 'changed'],
    ['other facts of a pass', state('pass'), state('pass', otherFacts), 'changed'],
    ['another reason of a failure', state('fail'), state('fail', { reason: 'no-response' }), 'changed'],
    ['another state of a pass', state('pass', { state: 'closed' }), state('pass', { state: 'filtered' }), 'changed'],
    ['nothing', state('pass'), state('pass'), undefined],
    ['another policy version that says the same', state('pass'), state('pass', { policyVersion: 2 }), undefined],
    ['a new series', undefined, state('pass'), 'appeared'],
    ['a new series that fails', undefined, state('fail'), 'appeared'],
    ['a series that is gone', state('fail'), undefined, 'vanished'],
    ['a rule that applies now', state('notapplicable'), state('fail'), 'appeared'],
    ['a rule that does not apply any more', state('pass'), state('notapplicable'), 'vanished'],
    ['a new series that does not apply', undefined, state('notapplicable'), undefined],
    ['a series that did not apply and is gone', state('notapplicable'), undefined, undefined],
    ['nothing on either side', undefined, undefined, undefined],
  ]
  test.each(rows)('%s', (_, before, after, kind) => {
    expect(classify(before, after)).toBe(kind)
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
  test('is the opposite one the other way round, for every pair', () => {
    const sides = [undefined, ...results.flatMap((result) => [state(result), state(result, otherFacts)])]
    for (const before of sides) {
      for (const after of sides) {
        const there = classify(before, after)
        expect(classify(after, before)).toBe(there && opposite[there])
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
    expect(causeOf(before, after)).toBe(cause)
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

  test('compare lists place by place, and a list with an object as a whole', () => {
    expect(fields({ l: [1, 2, 3], m: [1] }, { l: [1, 9], m: { 0: 1 } })).toEqual([
      { path: '/evidence/l/1', before: 2, after: 9 },
      { path: '/evidence/l/2', before: 3, after: null },
      { path: '/evidence/m', before: [1], after: { 0: 1 } },
    ])
  })

  test('are everything that a side has, when the other is missing', () => {
    expect(compareFields(undefined, state('fail', { evidence: null }))).toEqual([
      { path: '/reason', before: null, after: 'as-expected' },
      { path: '/result', before: null, after: 'fail' },
      { path: '/state', before: null, after: 'open' },
    ])
  })

  test('do not name the version of the policy', () => {
    expect(compareFields(state('pass'), state('pass', { policyVersion: 2 }))).toEqual([])
  })

  test('are none between equal values, and turn round with their sides', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        expect(fields(one, structuredClone(one))).toEqual([])
        const there = fields(one, other).map(({ path, before, after }) => ({ path, before: after, after: before }))
        expect(fields(other, one)).toEqual(there)
      }),
    )
  })
})
