import { expect, test } from 'vitest'
import { columnsOf, disagrees, saidOf, titleOf } from '../../../../src/console/pages/matrix/modes.ts'

const counts = { pass: 0, fail: 1, unknown: 0, error: 0, notapplicable: 0, notchecked: 0 }
const column = (rule: string, vantage: string) => ({
  policy: 'p',
  rule,
  vantage,
  zones: [vantage],
  severity: 'high' as const,
})
const matrix = {
  columns: [column('ssh', 'client'), column('ssh', 'support'), column('tls', 'client')],
  totals: { targets: 1, waived: 0, counts, columns: [counts, counts, counts] },
}

test('vantages side by side share the column of their rule, whose failures are those of all', () => {
  expect(columnsOf('result', matrix).map(titleOf)).toEqual(['ssh · client', 'ssh · support', 'tls · client'])
  const columns = columnsOf('parallax', matrix)
  expect(columns.map((one) => [titleOf(one), one.failures, one.vantage])).toEqual([
    ['ssh · 2 vantages', 2, undefined],
    ['tls · client', 1, 'client'],
  ])
})

test.each([
  ['pofc--', true, 'client: Pass, open; support: Fail, closed; the vantages disagree'],
  [
    'poFc--',
    true,
    'client: Pass, open; support: Fail that a waiver or a window permits, closed; the vantages disagree',
  ],
  ['pou---', false, 'client: Pass, open; support: Unknown'],
  ['pcpf--', false, 'client: Pass, closed; support: Pass, filtered'],
  ['po----', false, 'client: Pass, open; support: no outcome'],
])('%s: vantages that disagree are %s, in words', (cells, isDifferent, words) => {
  const [ssh] = columnsOf('parallax', matrix)
  if (!ssh) throw new Error('no column')
  expect([disagrees(cells, ssh), saidOf('parallax', ssh, cells)]).toEqual([isDifferent, words])
})

test.each([
  ['state', undefined, 'open: Pass, open'],
  ['age', '0--', 'audited within a day: Pass, open'],
  ['age', '1--', 'audited 1 day ago: Pass, open'],
  ['age', '9--', 'audited 9 days or longer ago: Pass, open'],
  ['age', '---', 'no audit of all rules known: Pass, open'],
] as const)('in the mode %s a cell of the age %s reads "%s"', (mode, ages, words) => {
  const [ssh] = columnsOf(mode, matrix)
  if (!ssh) throw new Error('no column')
  expect(saidOf(mode, ssh, 'po----', ages)).toBe(words)
})
