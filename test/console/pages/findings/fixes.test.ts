import { describe, expect, test } from 'vitest'
import type { CurrentFinding } from '../../../../src/console/pages/findings/current-finding.ts'
import { fixesOf, fixListText, fixText } from '../../../../src/console/pages/findings/fixes.ts'

const failure = (target: string, more: object = {}): CurrentFinding => ({
  fingerprint: `${target}-${JSON.stringify(more)}`,
  ...{ target, policy: 'p', rule: 'ssh', title: 'SSH is closed', severity: 'medium', vantage: 'local' },
  zones: ['client'],
  ...{ audit: 'a', policyVersion: 1, controls: [], remediation: null, url: null },
  ...{ address: target, labels: {}, externalId: null, host: target, port: 22 },
  ...{ result: 'fail', state: 'open', reason: { code: 'unexpected-state', message: 'The port is open.' } },
  ...{
    evidence: null,
    since: '2026-11-01T00:00:00Z',
    lastConfirmed: '2026-11-02T00:00:00Z',
    waiver: null,
    window: null,
  },
  expected: { host: target, port: 22, expect: { state: ['closed', 'filtered'] } },
  ...more,
})
const texts = (findings: CurrentFinding[]) => fixesOf(findings).map(fixText)

describe('the fix list', () => {
  test('has one change for all hosts that need it', () => {
    expect(texts([failure('a'), failure('b'), failure('c')])).toEqual([
      'client (local) → 3 hosts port 22: must be closed or filtered',
    ])
  })

  test('has one change for the vantages from which the same hosts fail, and another for others', () => {
    const branch = { vantage: 'branch', zones: ['untrusted'] }
    expect(texts([failure('a'), failure('a', branch)])).toEqual([
      'client (local), untrusted (branch) → a port 22: must be closed or filtered',
    ])
    expect(texts([failure('a'), failure('b'), failure('a', branch)])).toHaveLength(2)
  })

  test('has one change for each port', () => {
    const other = { expected: { host: 'b', port: 2222, expect: { state: ['closed'] } } }
    expect(texts([failure('a'), failure('b', other)])).toHaveLength(2)
  })

  test.each([
    ['open', 'closed', { state: ['open'] }],
    ['open', 'filtered', {}],
    ['close', 'open', { state: ['closed', 'filtered'] }],
    ['close', 'open', { state: 'closed' }],
    ['host', 'open', { tls: { trusted: true } }],
    ['host', 'filtered', { state: ['closed', 'filtered'], hostAnswered: true }],
  ])('says %s where %s is seen and %j is expected', (kind, state, expect_) => {
    const finding = failure('a', { state, expected: { host: 'a', port: 22, expect: expect_ } })
    expect(fixesOf([finding])).toMatchObject([{ kind }])
  })

  test('keeps reasons on the host apart, and those of a flow together', () => {
    const onHost = (target: string, code: string) =>
      failure(target, {
        reason: { code, message: code },
        expected: { host: target, port: 22, expect: { tls: { trusted: true } } },
      })
    expect(texts([onHost('a', 'certificate-expired'), onHost('b', 'certificate-untrusted')])).toHaveLength(2)
    const silent = { state: 'filtered', expected: { host: 'x', port: 22, expect: {} } }
    const closed = { ...silent, state: 'closed', reason: { code: 'connection-refused', message: 'Refused.' } }
    expect(texts([failure('a', silent), failure('b', closed)])).toHaveLength(1)
  })

  test('has the most severe first, then what helps most hosts', () => {
    const rules = fixesOf([
      failure('a'),
      failure('b', { rule: 'many' }),
      failure('c', { rule: 'many' }),
      failure('d', { rule: 'grave', severity: 'high' }),
      failure('e', { rule: 'gone', severity: null, expected: null }),
    ]).map(({ rule }) => rule)
    expect(rules).toEqual(['grave', 'many', 'ssh', 'gone'])
  })

  test('as a text names every host', () => {
    const other = failure('dc', { expected: { host: '10.0.0.9', port: 22, expect: { state: ['closed'] } } })
    expect(fixListText(fixesOf([other]))).toBe(
      '[medium] client (local) → dc port 22: must be closed\n  SSH is closed\n  dc (10.0.0.9)',
    )
  })
})
