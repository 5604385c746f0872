import { expect, test } from 'vitest'
import { compareVersions, differencesText } from '../../../src/domain/policy/differences.ts'
import type { PolicyDocument } from '../../../src/domain/policy/policy.ts'
import { ports } from '../../support/app.ts'

const [first, ...others] = ports.rules
if (!first) throw new Error('the policy has no rules')

test('two versions with the same content have no difference, in any order of their fields', () => {
  const reordered: PolicyDocument = Object.fromEntries(Object.entries(ports).reverse()) as typeof ports
  expect(compareVersions(ports, reordered)).toEqual([])
  const expectation = { tls: { minVersion: 'TLSv1.2', trusted: true } }
  const turned = { tls: { trusted: true, minVersion: 'TLSv1.2' } }
  const withRule = (expect: Record<string, unknown>) => ({ ...ports, rules: [{ ...first, expect }] })
  expect(compareVersions(withRule(expectation), withRule(turned))).toEqual([])
  expect(differencesText([])).toBe('nothing')
})

test('each changed field of a rule is named by its path, before and after', () => {
  const changed = { ...first, severity: 'low' as const, expect: { state: ['closed'], hostAnswered: true } }
  expect(compareVersions(ports, { ...ports, rules: [changed, ...others] })).toEqual([
    {
      kind: 'rule',
      name: 'must-be-open',
      change: 'changed',
      fields: [
        { path: 'severity', before: 'high', after: 'low' },
        { path: 'expect.state', before: ['open'], after: ['closed'] },
        { path: 'expect.hostAnswered', before: undefined, after: true },
      ],
    },
  ])
})

test('rules and parameters that came or went are counted by kind', () => {
  const { httpsPort: _, ...rest } = ports.parameters ?? {}
  const after: PolicyDocument = {
    ...ports,
    title: 'Other ports',
    parameters: { ...rest, sshPort: { type: 'port' } },
    rules: [...others, { ...first, id: 'new' }, { ...first, id: 'newer' }],
  }
  expect(differencesText(compareVersions(ports, after))).toBe(
    'title or source changed, 1 rule removed, 2 rules added, 1 parameter removed, 1 parameter added',
  )
})

test('a field that turns into a list is one difference', () => {
  const conditional = (when: unknown) => ({ ...ports, rules: [{ ...first, when }] })
  // biome-ignore lint/suspicious/noTemplateCurlyInString: these are the placeholders of policies
  const [one, many] = ['${openPort}', ['${openPort}', '${closedPort}']]
  expect(compareVersions(conditional(one), conditional(many))).toMatchObject([
    { fields: [{ path: 'when', before: one, after: many }] },
  ])
})
