import { describe, expect, test } from 'vitest'
import { passes, settle } from '../../../src/domain/webhooks/delivery-policy.ts'

const now = new Date('2026-01-01T00:00:00Z')
const later = (seconds: number) => ({ status: 'waiting', nextAt: new Date(now.getTime() + seconds * 1000) })

describe('a delivery', () => {
  test.each([
    ['succeeds with any 2xx', { status: 204 }, 0, { status: 'delivered' }],
    ['ends with 410', { status: 410 }, 0, { status: 'dead', gone: true }],
    ['fails with a redirect', { status: 302 }, 0, later(5)],
    ['waits longer after a second failure', { status: 500 }, 1, later(60)],
    ['waits after no response', { status: null }, 0, later(5)],
    ['becomes a dead letter after the last failure', { status: 500 }, 2, { status: 'dead', gone: false }],
    ['respects Retry-After', { status: 429, retryAfterSeconds: 30 }, 0, later(30)],
    ['does not retry sooner because of a short Retry-After', { status: 503, retryAfterSeconds: 1 }, 1, later(60)],
    ['limits Retry-After to a day', { status: 503, retryAfterSeconds: 1e9 }, 0, later(86_400)],
  ] as const)('%s', (_, response, attempts, settlement) => {
    const attempt = { error: null, durationMs: 1, ...response }
    expect(settle(attempt, { attempts, now, retrySeconds: [5, 60] })).toEqual(settlement)
  })
})

describe('a filter', () => {
  test.each([
    ['without conditions passes everything', {}, { policy: 'p' }, true],
    ['for another policy does not pass', { policies: ['q'] }, { policy: 'p' }, false],
    ['ignores conditions on traits that the event lacks', { policies: ['q'], minSeverity: 'high' }, {}, true],
    ['requires all labels on one target', { labels: { a: '1', b: '2' } }, { labels: [{ a: '1' }, { b: '2' }] }, false],
    ['passes if one target has the labels', { labels: { a: '1' } }, { labels: [{ a: '2' }, { a: '1', c: '3' }] }, true],
    ['rejects a lower severity', { minSeverity: 'medium' }, { severity: 'low' }, false],
    ['passes an equal severity', { minSeverity: 'medium' }, { severity: 'medium' }, true],
  ] as const)('%s', (_, filter, traits, expected) => {
    expect(passes(filter as Parameters<typeof passes>[0], traits)).toBe(expected)
  })
})
