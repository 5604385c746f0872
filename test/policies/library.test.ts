import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { resolveParameters, resolveRule } from '../../src/domain/policy/parameters.ts'
import { placeholdersIn } from '../../src/domain/policy/placeholders.ts'
import { Rule } from '../../src/domain/policy/policy.ts'
import { checkShape } from '../../src/domain/policy/shape.ts'
import { builtInPolicies, findBuiltIn, readBuiltIns } from '../../src/policies/built-in.ts'

test('every policy file is a built-in policy of its name, and that of `audit` is the first', () => {
  const files = readdirSync(new URL('../../src/policies/', import.meta.url)).filter((name) => name.endsWith('.yaml'))
  const names = builtInPolicies().map(({ name }) => name)
  expect(names.map((name) => `${name}.yaml`).toSorted()).toEqual(files.toSorted())
  expect(names[0]).toBe('netwrix-endpoint-protector')
  expect([findBuiltIn('ssh-baseline')?.document.name, findBuiltIn('../package')]).toEqual(['ssh-baseline', undefined])
})

describe.each(readBuiltIns())('$document.name', ({ document, source }) => {
  test('names its source, and begins with whom it is for', () => {
    expect(document.source?.length).toBeGreaterThan(20)
    expect(source).toMatch(/^# \S/)
  })

  test('has for each rule a rationale, a remediation and controls', () => {
    for (const { id, rationale = '', remediation = '', controls = [] } of document.rules)
      expect([id, rationale.length > 20, remediation.length > 10, controls.length > 1]).toEqual([id, true, true, true])
  })

  test('has no parameter that no rule uses, and explains each', () => {
    const parameters = Object.entries(document.parameters ?? {})
    const used = new Set(placeholdersIn(JSON.stringify([document.rules, document.parameters])))
    expect(parameters.filter(([name, { description }]) => !used.has(name) || !description)).toEqual([])
  })

  test('lets every port be moved', () => {
    expect(document.rules.filter(({ port }) => typeof port === 'number')).toEqual([])
  })

  test('has rules that are complete with the defaults, and apply where their conditions hold', () => {
    const choices = { ldaps: true, role: 'control-plane', uiPort: 8443, ldapCredential: 'env:A' }
    const values = { ...choices, domainController: 'dc1.example', domain: 'ad.example' }
    for (const params of [{}, values]) {
      const resolved = resolveParameters(document, { target: params })
      if ('errors' in resolved) throw new Error(JSON.stringify(resolved.errors))
      const rules = document.rules.map((rule) => resolveRule(rule, resolved.values))
      for (const rule of rules) if (rule !== 'notapplicable') expect(checkShape(Rule, rule)).toEqual([])
      if (params === values) expect(rules).not.toContain('notapplicable')
    }
  })
})
