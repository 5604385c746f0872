import { describe, expect, test } from 'vitest'
import { reasonCodes, reasons } from '../../../src/domain/findings/reasons.ts'
import { causeOf, staleBefore, sumCauses, unknownCauses } from '../../../src/domain/history/unknown.ts'

describe('the cause of an undecided outcome', () => {
  test('is one that an operator can remove, unless the target is the reason', () => {
    const ofVantages = reasonCodes.filter((code) => ['us', 'setup'].includes(reasons[code].about))
    expect(ofVantages.filter((code) => causeOf(code) === 'inconclusive')).toEqual([])
    expect(ofVantages.length).toBeGreaterThan(20)
    for (const code of ['protocol-timeout', 'facts-missing', 'host-silent', 'pair-incomplete'] as const)
      expect(causeOf(code)).toBe('inconclusive')
    expect(causeOf('name-not-found')).toBe('dns')
    expect(causeOf('no-vantage-in-zone')).toBe('no-vantage')
  })
})

describe('sums of causes', () => {
  test('have every cause once, and count a target of several groups once', () => {
    const sums = sumCauses([
      { cause: 'dns', count: 2, targetIds: [1, 2] },
      { cause: 'dns', count: 2, targetIds: [2, 3] },
      { cause: 'stale', count: 1, targetIds: [1] },
    ])
    expect(sums.map(({ cause }) => cause)).toEqual([...unknownCauses])
    expect(sums.filter(({ count }) => count > 0)).toEqual([
      { cause: 'dns', count: 4, targets: 3 },
      { cause: 'stale', count: 1, targets: 1 },
    ])
  })
})

describe('an observation is too old', () => {
  const at = new Date('2026-11-30T12:00:00Z')
  test.each([
    ['of every night', ['2026-12-01T02:00Z', '2026-12-02T02:00Z'], '2026-11-29T11:00Z'],
    ['of workdays', ['2026-12-03T02:00Z', '2026-12-04T02:00Z', '2026-12-07T02:00Z'], '2026-11-27T11:00Z'],
    ['that never ticks again', ['2026-12-01T02:00Z'], '2026-10-31T12:00Z'],
  ])('when it is older than the longest pause of a schedule %s, and an hour', (_name, ticks, before) => {
    const dates = ticks.map((tick) => new Date(tick))
    expect(staleBefore(dates, at)).toEqual(new Date(before))
  })
})
