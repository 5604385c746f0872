import { describe, expect, test } from 'vitest'
import { type Counts, noCounts } from '../../../src/domain/findings/verdict.ts'
import { frameworks } from '../../../src/domain/policy/control-titles.ts'
import { type ControlRule, controlsOf, type RuleResults } from '../../../src/domain/policy/controls.ts'
import { builtInPolicies } from '../../../src/policies/built-in.ts'

const rule = (name: string, controls: string[], more: Partial<ControlRule> = {}): ControlRule => ({
  ...{ policy: 'p', version: 2, rule: name, title: name, severity: 'high', controls, current: true },
  ...more,
})
const known = (name: string, counts: Partial<Counts>, waived = 0): RuleResults => ({
  ...{ policy: 'p', rule: name, counts: { ...noCounts, ...counts }, waived },
  ...{ oldestObservation: '2026-01-01T00:00:00.000Z', newestObservation: '2026-01-02T00:00:00.000Z' },
})
const standing = (counts: Partial<Counts>, waived = 0) =>
  controlsOf([rule('a', ['F:1'])], [known('a', counts, waived)])[0]

describe('the verdict of a control', () => {
  test.each<[Partial<Counts>, number, string]>([
    [{ pass: 2 }, 0, 'pass'],
    [{ pass: 2, notapplicable: 1 }, 0, 'pass'],
    [{ pass: 2, notchecked: 1 }, 0, 'inconclusive'],
    [{ pass: 2, unknown: 1 }, 0, 'inconclusive'],
    [{ pass: 2, error: 1 }, 0, 'inconclusive'],
    [{ notapplicable: 1 }, 0, 'inconclusive'],
    [{ pass: 2, fail: 1, notchecked: 1 }, 0, 'fail'],
    [{ pass: 2, fail: 1 }, 1, 'pass'],
  ])('of %j with %d waived is %s', (counts, waived, verdict) => {
    expect(standing(counts, waived)?.verdict).toBe(verdict)
  })

  test('is no pass while one of its rules was never checked', () => {
    const [control] = controlsOf([rule('a', ['F:1']), rule('b', ['F:1'])], [known('a', { pass: 1 })])
    expect(control).toMatchObject({
      verdict: 'inconclusive',
      counts: { pass: 1 },
      notTested: [{ policy: 'p', rule: 'b', why: 'never-audited', count: null }],
    })
    expect(control?.rules.map(({ rule: name, score }) => [name, score])).toEqual([
      ['a', 1],
      ['b', null],
    ])
  })
})

describe('controls', () => {
  test('are listed by framework and number, each once, with its rules', () => {
    const listed = controlsOf([rule('a', ['F:1.10', 'F:1.2', 'E:Z']), rule('b', ['F:1.2', 'F:1.2'])], [])
    expect(listed.map(({ framework, control, rules }) => [framework, control, rules.map((one) => one.rule)])).toEqual([
      ['E', 'Z', ['a']],
      ['F', '1.2', ['a', 'b']],
      ['F', '1.10', ['a']],
    ])
  })

  test('of one framework leave the others out', () => {
    expect(controlsOf([rule('a', ['F:1', 'FF:1'])], [], 'F')).toHaveLength(1)
  })

  test('say why what is not proven is not, by rule', () => {
    expect(standing({ pass: 1, fail: 1, notchecked: 2, notapplicable: 3, unknown: 4, error: 5 })?.notTested).toEqual([
      { policy: 'p', rule: 'a', why: 'notchecked', count: 2 },
      { policy: 'p', rule: 'a', why: 'notapplicable', count: 3 },
      { policy: 'p', rule: 'a', why: 'unknown', count: 4 },
      { policy: 'p', rule: 'a', why: 'error', count: 5 },
    ])
  })

  test('have a rule that its policy has no more, only while something is known of it', () => {
    const old = rule('a', ['F:1'], { current: false })
    expect(controlsOf([old], [])).toEqual([])
    expect(controlsOf([old], [known('a', { pass: 1 })])).toHaveLength(1)
    expect(controlsOf([old], [{ ...known('a', { pass: 1 }), policy: 'other' }])).toEqual([])
  })
})

test('every control that a built-in policy names has a title, and every title a rule', () => {
  const named = builtInPolicies().flatMap(({ rules }) => rules.flatMap(({ controls = [] }) => controls))
  const titled = Object.entries(frameworks).flatMap(([name, { controls }]) =>
    Object.keys(controls).map((control) => `${name}:${control}`),
  )
  expect([...new Set(named)].sort()).toEqual(titled.sort())
})
