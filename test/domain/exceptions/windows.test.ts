import { describe, expect, test } from 'vitest'
import {
  checkWindow,
  type ExposureSeen,
  maxWindowMs,
  type Proof,
  proofOf,
  reprobePauseMs,
  settles,
  windowState,
} from '../../../src/domain/exceptions/windows.ts'
import type { Evidence } from '../../../src/domain/findings/evidence.ts'

const now = new Date('2026-11-22T12:00:00Z')
const later = (ms: number) => new Date(now.getTime() + ms)
const minute = 60_000

describe('a requested window', () => {
  test.each([
    ['now', 0, minute, undefined],
    ['for seven days', 0, maxWindowMs, undefined],
    ['from five minutes ago', -5 * minute, minute, undefined],
    ['from longer ago', -5 * minute - 1, minute, '/from'],
    ['of no length', minute, minute, '/to'],
    ['backwards', minute, 0, '/to'],
    ['for the past', -2, -1, '/to'],
    ['until now', -minute, 0, '/to'],
    ['for longer than seven days', 0, maxWindowMs + 1, '/to'],
  ])('%s: %j', (_, from, to, pointer) => {
    const issues = checkWindow({ from: later(from), to: later(to) }, now)
    expect(issues.map((issue) => issue.pointer)).toEqual(pointer === undefined ? [] : [pointer])
  })
})

describe('a window', () => {
  test.each([
    ['without approval waits', 10, 20, null, null, null, 'requested'],
    ['without approval does not open', -10, 10, null, null, null, 'requested'],
    ['without approval lapses', -10, 0, null, null, null, 'lapsed'],
    ['that is approved waits for its time', 1, 10, -5, null, null, 'approved'],
    ['opens at its first instant', 0, 10, -5, null, null, 'open'],
    ['opens with a late approval', -10, 10, 0, null, null, 'open'],
    ['is open to its last instant', -10, 1, -5, null, null, 'open'],
    ['ends at its end', -10, 0, -5, null, null, 'ended'],
    ['is closed when that is proven', -10, 0, -5, null, 'closed', 'closed'],
    ['is still open when an audit shows it', -10, 0, -5, null, 'open', 'still-open'],
    ['is neither while nothing is proven', -10, 0, -5, null, 'unproven', 'ended'],
    ['that was canceled before it opened is canceled', 5, 10, -5, 0, null, 'canceled'],
    ['that was canceled unapproved is canceled', -5, 10, null, 0, null, 'canceled'],
    ['that was canceled while open has ended', -10, 10, -5, 0, null, 'ended'],
    ['that was canceled while open is closed by a proof', -10, 10, -5, 0, 'closed', 'closed'],
  ] as const)('%s', (_, from, to, approved, canceled, proof, state) => {
    const times = {
      from: later(from),
      to: later(to),
      approvedAt: approved === null ? null : later(approved),
      canceledAt: canceled === null ? null : later(canceled),
    }
    expect(windowState({ ...times, rejected: false, proof }, now)).toBe(state)
  })
})

describe('an audit after the end of a window', () => {
  const exposure: ExposureSeen = { pass: false, fail: false, notchecked: false, unsure: false, passed: [] }
  const [closed, open] = [
    { ...exposure, pass: true },
    { ...exposure, pass: true, fail: true },
  ]
  test.each([
    ['that passes shows a closed port', true, [closed, closed], 'closed'],
    ['that fails from one vantage shows an open port', true, [closed, open], 'open'],
    ['that fails shows an open port, even if it did not complete', false, [{ ...open, unsure: true }], 'open'],
    ['without a result from one vantage proves nothing', true, [closed, { ...closed, unsure: true }], 'unproven'],
    ['that did not complete proves nothing', false, [closed], 'unproven'],
    ['without a probe for one rule proves nothing', true, [closed, { ...exposure, notchecked: true }], 'unproven'],
    [
      'that passes from another vantage suffices for an unprobed one',
      true,
      [{ ...closed, notchecked: true }],
      'closed',
    ],
    ['to which no rule applies proves that the rules are not applicable', true, [exposure, exposure], 'not-applicable'],
    ['passes where some rules do not apply', true, [closed, exposure], 'closed'],
  ] as [string, boolean, ExposureSeen[], Proof][])('%s', (_, completed, exposures, proof) =>
    expect(proofOf({ completed, exposures })).toBe(proof),
  )

  type Address = Evidence['addresses'][string]
  const refused: Address = { state: 'closed', reason: 'connection-refused', facts: {} }
  const denied: Address = { state: 'unknown', reason: 'egress-denied', facts: {} }
  const unrouted: Address = { state: 'unknown', reason: 'no-local-route', facts: {} }
  const silent: Address = { state: 'filtered', reason: 'no-response', facts: {} }
  test.each<[string, Address[], Proof]>([
    ['a refusal proves it', [refused], 'closed'],
    ['a rejection proves it', [{ state: 'filtered', reason: 'icmp-prohibited', facts: {} }], 'closed'],
    ['silence of a host that responds elsewhere proves it', [{ ...silent, hostAnswered: true }], 'closed'],
    ['silence of a whole host does not', [{ ...silent, hostAnswered: false }], 'unproven'],
    ['silence that an older agent saw does not', [silent], 'unproven'],
    [
      'silence of one address does not',
      [
        { ...silent, hostAnswered: true },
        { ...silent, hostAnswered: false },
      ],
      'unproven',
    ],
    ['of an address that the vantage may not reach nothing is needed', [refused, denied], 'closed'],
    ['of an address without a local route something is needed', [refused, unrouted], 'unproven'],
    ['an unreachable host does not', [{ state: 'unreachable', reason: 'host-unreachable', facts: {} }], 'unproven'],
  ])('where the rule passes, %s', (_, seen, proof) => {
    const addresses = Object.fromEntries(seen.map((one, i) => [`192.0.2.${i}`, one]))
    const passed: Evidence[] = [{ probe: 'tcp', host: 'epp', port: 22, addresses }]
    expect(proofOf({ completed: true, exposures: [{ ...closed, passed }] })).toBe(proof)
    // An open port elsewhere is known all the same.
    expect(proofOf({ completed: true, exposures: [{ ...open, passed }] })).toBe('open')
  })

  test.each([
    ['closed', true],
    ['not-applicable', true],
    ['open', false],
    ['unproven', false],
    [null, false],
  ] as const)('is the last where it has shown %s: %s', (proof, last) => expect(settles(proof)).toBe(last))
})

test('reprobes follow after a minute, two, four, up to an hour', () => {
  expect([1, 2, 3, 6, 7, 100].map((reprobes) => reprobePauseMs(reprobes) / minute)).toEqual([1, 2, 4, 32, 60, 60])
})
