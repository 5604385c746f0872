// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the placeholders of policies
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { resolveParameters, resolveRule } from '../../src/domain/policy/parameters.ts'
import { type PolicyDocument, Rule } from '../../src/domain/policy/policy.ts'
import { checkShape } from '../../src/domain/policy/shape.ts'
import { builtInPolicies } from '../../src/policies/built-in.ts'
import { checkPolicy } from '../../src/policies/load.ts'
import { policySchema } from '../../src/policies/schema.ts'

// A reader of the published schema has JSON, not our objects.
const published = JSON.parse(JSON.stringify(policySchema))
const validate = new Ajv2020({ allErrors: true }).compile(published)
const [policy] = builtInPolicies() as [PolicyDocument]

type Json = Record<string, unknown> | unknown[]

const indexOf = (id: string) => policy.rules.findIndex((rule) => rule.id === id)
const [certificateRule, bindRule] = [indexOf('server-certificate'), indexOf('ad-ldap-bind')]

/** The document with another value at one path. */
function change(path: (string | number)[], value: unknown): unknown {
  const copy = structuredClone(policy) as Json
  const parent = path.slice(0, -1).reduce((node, part) => Reflect.get(node, part) as Json, copy)
  Reflect.set(parent, path.at(-1) ?? '', value)
  return copy
}

describe('the published schema of a policy that extends another', () => {
  const extending = new Ajv2020({ allErrors: true }).compile({
    $ref: 'urn:portwarden:policy#/$defs/extension',
    $defs: { published },
  })
  const own = { name: 'own', extends: 'ssh-baseline@1' }

  test.each([
    {},
    { title: 'Ours', source: null, omit: ['ssh-macs'] },
    { parameters: { sshPort: { default: 2222 }, old: null, new: { type: 'port', description: null } } },
    { rules: [{ id: 'ssh-macs', port: '${sshPort}', rationale: null, expect: { ssh: { forbid: ['hmac-md5'] } } }] },
  ])('accepts %j', (parts) => {
    expect(extending({ ...own, ...parts }), JSON.stringify(extending.errors)).toBe(true)
  })

  test.each([
    { extends: '../base.yaml' },
    { extends: undefined },
    { rules: [{ severity: 'low' }] },
    { rules: [{ id: null }] },
    { rules: [{ id: 'ssh-macs', port: 0 }] },
    { parameters: { 'ssh-port': { default: 1 } } },
    { omit: 'ssh-macs' },
    { base: 'ssh-baseline@1' },
  ])('refuses %j', (parts) => {
    expect(extending(JSON.parse(JSON.stringify({ ...own, ...parts })))).toBe(false)
  })
})

describe('the published schema', () => {
  test('is named, and accepts the built-in policy', () => {
    expect(published.$id).toBe('urn:portwarden:policy')
    expect(validate(policy), JSON.stringify(validate.errors)).toBe(true)
  })

  test.each([
    [['rules', 0, 'port'], '${any}'],
    [['rules', 0, 'port'], 8443],
    [['rules', 0, 'title'], 'HTTPS on ${clientPort}'],
    [['rules', 0, 'expect', 'tls', 'minVersion'], '${minVersion}'],
    [
      ['rules', 0, 'expect', 'tls', 'refuses'],
      ['TLSv1', '${old}'],
    ],
    [['rules', certificateRule, 'expect', 'tls', 'trusted'], { value: '${a}', equals: 1 }],
    [['rules', bindRule, 'expect', 'ldap', 'bind', 'credentialRef'], 'file:/run/${name}'],
    [
      ['rules', bindRule, 'when'],
      ['${a}', { value: '${b}', differsFrom: '${c}' }],
    ],
  ])('accepts at %j: %j', (path, value) => {
    expect(validate(change(path, value)), JSON.stringify(validate.errors)).toBe(true)
  })

  test.each([
    [['name'], '${name}'],
    [['nmae'], 'x'],
    [['parameters', 'clientPort', 'type'], 'number'],
    [['parameters', 'client-port'], { type: 'port' }],
    [['rules'], []],
    [['rules', 0, 'port'], '${a}${b}'],
    [['rules', 0, 'port'], '443'],
    [['rules', 0, 'port'], 0],
    [['rules', 0, 'id'], '${id}'],
    [['rules', 0, 'from'], ['${zone}']],
    [['rules', 0, 'severity'], '${severity}'],
    [['rules', 0, 'probe'], undefined],
    [['rules', 0, 'expect', 'tls', 'minVersion'], 'TLSv1.4'],
    [['rules', certificateRule, 'expect', 'tls', 'trusted'], { value: '${a}', equal: 1 }],
    [['rules', bindRule, 'expect', 'ldap', 'bind', 'credentialRef'], 'hunter2'],
  ])('refuses at %j: %j', (path, value) => {
    expect(validate(JSON.parse(JSON.stringify(change(path, value))))).toBe(false)
  })
})

/** Every path of a value: of lists the items, of objects the members. */
const pathsIn = (value: unknown): (string | number)[][] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([name, member]) => {
        const part = Array.isArray(value) ? Number(name) : name
        return [[part], ...pathsIn(member).map((path) => [part, ...path])]
      })

const names = [
  'clientPort',
  'directory',
  'domainController',
  'trustedCa',
  'allowSelfSigned',
  'minDaysLeft',
  'ldapCredential',
]
const anything = fc.oneof(
  fc.constantFrom(...names.map((name) => `\${${name}}`), ...names.map((name) => `a \${${name}}`)),
  fc.constantFrom('open', 'ad', 'https', 'tcp', 'TLSv1.3', 'env:A', '${', '${unknown}', '__proto__'),
  fc.record({
    value: fc.constantFrom('${directory}', '${uiPort}', 1),
    equals: fc.constantFrom('ad', 443, '${sshPort}'),
  }),
  fc.constantFrom<unknown>({ toString: 1 }, [{ toString: 1 }], { value: { toString: 1 }, equals: 1 }),
  fc.jsonValue({ maxDepth: 2 }),
)

describe('a document changed at any pointer to anything', () => {
  test('is either refused, or valid by the schema and resolvable for any target', () => {
    const params = { uiPort: 8443, domainController: '10.0.0.2', ldapCredential: 'env:A', directory: 'any' }
    fc.assert(
      fc.property(fc.constantFrom(...pathsIn(policy)), anything, (path, value) => {
        const checked = checkPolicy(change(path, value))
        if ('errors' in checked) return checked.errors.every(({ message }) => message.length > 0)
        expect(validate(checked.document), JSON.stringify(validate.errors)).toBe(true)
        for (const target of [{}, params]) {
          const resolved = resolveParameters(checked.document, { target })
          if ('errors' in resolved) continue
          const rules = checked.document.rules.map((rule) => resolveRule(rule, resolved.values))
          for (const rule of rules) if (rule !== 'notapplicable') expect(checkShape(Rule, rule)).toEqual([])
        }
        return true
      }),
      { numRuns: 1000 },
    )
  })
})
