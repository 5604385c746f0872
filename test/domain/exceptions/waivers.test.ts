import { describe, expect, test } from 'vitest'
import { checkExpiry, waiverState } from '../../../src/domain/exceptions/waivers.ts'
import { verdictOf } from '../../../src/domain/findings/verdict.ts'

const now = new Date('2026-11-22T12:00:00Z')
const yearMs = 365 * 86_400_000 // no February 29th in between
const later = (ms: number) => new Date(now.getTime() + ms)

describe('the expiry of a waiver', () => {
  test.each([
    ['a millisecond ahead', 1, []],
    ['a year ahead', yearMs, []],
    ['now', 0, ['must be in the future']],
    ['in the past', -1, ['must be in the future']],
    ['beyond a year', yearMs + 1, ['must be within a year']],
  ])('%s: %j', (_, ms, messages) => {
    expect(checkExpiry(later(ms), now).map(({ message }) => message)).toEqual(messages)
  })
})

describe('a waiver', () => {
  test.each([
    ['without approval is requested', null, 1, null, 'requested'],
    ['is active from its approval', 0, 1, null, 'active'],
    ['is active to its last instant', -10, 1, null, 'active'],
    ['is expired at its end', -10, 0, null, 'expired'],
    ['without approval expires too', null, 0, null, 'expired'],
    ['is revoked at its revocation', -10, 1, 0, 'revoked'],
    ['is not revoked before', -10, 1, 1, 'active'],
  ] as const)('%s', (_, approved, expires, revoked, state) => {
    const times = {
      approvedAt: approved === null ? null : later(approved),
      expiresAt: later(expires),
      revokedAt: revoked === null ? null : later(revoked),
    }
    expect(waiverState({ ...times, rejected: false }, now)).toBe(state)
  })
})

describe('a verdict ignores waived failures', () => {
  const none = { pass: 1, fail: 0, unknown: 0, error: 0, notapplicable: 0, notchecked: 0 }
  test.each([
    ['all failures are waived', { ...none, fail: 2, waived: 2 }, 'pass'],
    ['one failure is not waived', { ...none, fail: 2, waived: 1 }, 'fail'],
    ['nothing passes', { ...none, pass: 0, fail: 2, waived: 2 }, 'inconclusive'],
    ['something is unknown', { ...none, fail: 1, unknown: 1, waived: 1 }, 'inconclusive'],
  ] as const)('where %s', (_, counts, verdict) => expect(verdictOf(counts)).toBe(verdict))
})
