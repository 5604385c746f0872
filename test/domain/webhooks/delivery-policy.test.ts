import { describe, expect, test } from 'vitest'
import { passes, settle } from '../../../src/domain/webhooks/delivery-policy.ts'

const now = new Date('2026-01-01T00:00:00Z')
const later = (seconds: number) => ({ status: 'waiting', nextAt: new Date(now.getTime() + seconds * 1000) })

describe('what becomes of a delivery', () => {
  test.each([
    ['any 2xx is one', { status: 204 }, 0, { status: 'delivered' }],
    ['410 is the end', { status: 410 }, 0, { status: 'dead', gone: true }],
    ['a redirect is a failure', { status: 302 }, 0, later(5)],
    ['a later failure waits longer', { status: 500 }, 1, later(60)],
    ['no answer waits', { status: null }, 0, later(5)],
    ['the last failure makes a dead letter', { status: 500 }, 2, { status: 'dead', gone: false }],
    ['Retry-After is heeded', { status: 429, retryAfterSeconds: 30 }, 0, later(30)],
    ['a short Retry-After does not hurry', { status: 503, retryAfterSeconds: 1 }, 1, later(60)],
    ['an endless Retry-After has an end', { status: 503, retryAfterSeconds: 1e9 }, 0, later(86_400)],
  ] as const)('%s', (_, answer, attempts, settlement) => {
    const attempt = { error: null, durationMs: 1, ...answer }
    expect(settle(attempt, { attempts, now, retrySeconds: [5, 60] })).toEqual(settlement)
  })
})

describe('a filter', () => {
  test.each([
    ['of nothing lets all through', {}, { policy: 'p' }, true],
    ['of another policy does not', { policies: ['q'] }, { policy: 'p' }, false],
    ['asks only what there is', { policies: ['q'], minSeverity: 'high' }, {}, true],
    ['wants all labels of one target', { labels: { a: '1', b: '2' } }, { labels: [{ a: '1' }, { b: '2' }] }, false],
    ['is content with one target', { labels: { a: '1' } }, { labels: [{ a: '2' }, { a: '1', c: '3' }] }, true],
    ['keeps out what is less severe', { minSeverity: 'medium' }, { severity: 'low' }, false],
    ['lets through what is as severe', { minSeverity: 'medium' }, { severity: 'medium' }, true],
  ] as const)('%s', (_, filter, traits, through) => {
    expect(passes(filter as Parameters<typeof passes>[0], traits)).toBe(through)
  })
})
