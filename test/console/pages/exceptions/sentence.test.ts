import { describe, expect, test } from 'vitest'
import { countsSentence, waiverSentence, windowSentence } from '../../../../src/console/pages/exceptions/sentence.ts'
import type { Effect } from '../../../../src/console/pages/exceptions/types.ts'

const rule = (more: Partial<Effect['rules'][number]> = {}): Effect['rules'][number] => ({
  ...{ id: 'ssh', title: 'SSH', severity: 'high', direction: 'inbound', probe: 'ssh', from: ['support'] },
  ...{ ports: [22], targets: 3, inside: ['open'] },
  ...more,
})

describe('what a window does, in a sentence', () => {
  test.each<[string, Effect['rules'], string]>([
    ['with the protocol', [rule()], 'Opens SSH (port 22) from support on 3 targets for 2 h.'],
    ['with a port alone', [rule({ probe: 'tcp', targets: 1 })], 'Opens port 22 from support on 1 target for 2 h.'],
    [
      'with several rules, and those that apply alone',
      [rule({ from: ['support', 'client'] }), rule({ targets: 0 }), rule({ probe: 'tcp', ports: [8443] })],
      'Opens SSH (port 22) from support and client on 3 targets; opens port 8443 from support on 3 targets for 2 h.',
    ],
    [
      'that expects another state',
      [rule({ inside: ['filtered'] })],
      'Changes what is expected of SSH (port 22) from support on 3 targets for 2 h.',
    ],
    ['of no target', [rule({ targets: 0 })], 'Opens nothing now: its rules apply to none of its targets.'],
  ])('%s', (_, rules, text) => expect(windowSentence({ rules }, '2 h')).toBe(text))
})

const standing = (fail: number, waived = 0): Effect['before'] => ({
  counts: { pass: 5, fail, unknown: 0, error: 0, notapplicable: 0, notchecked: 0 },
  coverage: { checked: 5 + fail, notchecked: 0 },
  ...{ waived, score: 0.5 },
})

test('a waiver that covers no failure says so', () => {
  const targets = { count: 2, names: [] }
  const of = (changed: number) => ({ targets, findings: { count: 4, changed, items: [] } })
  expect(waiverSentence(of(2), '31 Mar')).toBe('Accepts 2 failures on 2 targets until 31 Mar.')
  expect(waiverSentence(of(0), '31 Mar')).toBe('Accepts no failure now: none of its 4 findings fails without a waiver.')
})

test('the counts of the policy are those that nothing accepts', () => {
  const of = (before: Effect['before'], after: Effect['after'], changed = 2) => ({
    ...{ before, after, findings: { count: 4, changed, items: [] } },
  })
  expect(countsSentence('waiver', of(standing(5), standing(5, 2)))).toBe(
    'Failures of the policy that nothing accepts: 5 → 3.',
  )
  expect(countsSentence('window', of(standing(1), standing(3)))).toBe(
    'Failures of the policy: 1 → 3. A port that is closed fails while the window expects it open.',
  )
  expect(countsSentence('window', of(standing(1), standing(1), 0))).toBe('With what is known now, no finding changes.')
})
