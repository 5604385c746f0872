// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the placeholders of policies
import { describe, expect, test } from 'vitest'
import {
  checkParameterValue,
  type Layers,
  parseParameterValue,
  resolveParameters,
  resolveRule,
} from '../../../src/domain/policy/parameters.ts'
import type { Parameter, PolicyDocument, PolicyRule } from '../../../src/domain/policy/policy.ts'

const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'

describe('checkParameterValue', () => {
  const cases: [Parameter, right: unknown[], wrong: unknown[], message: string][] = [
    [{ type: 'port' }, [1, 443, 65535], [0, 65536, 1.5, '443', null], 'must be a port from 1 to 65535'],
    [
      { type: 'host' },
      ['10.0.0.1', '::1', 'dc_1.example'],
      ['', '127.1', 'a b', 1],
      'must be an IP address or a host name',
    ],
    [{ type: 'integer' }, [-1, 0, 2 ** 40], [0.5, Number.NaN, 2 ** 60, '1'], 'must be a whole number'],
    [{ type: 'boolean' }, [true, false], ['true', 0, null], 'must be true or false'],
    [
      { type: 'text' },
      ['a', 'two\nlines'],
      ['', 'a\0', '\ud800', 'x'.repeat(10_001), 1],
      'must be text of 1 to 10000 characters',
    ],
    [{ type: 'choice', values: ['ad', 'any'] }, ['ad', 'any'], ['', 'AD', 1], 'must be one of ad, any'],
    [
      { type: 'pem' },
      [pem, `subject=x\n${pem}${pem}`],
      ['', 'MIIB', pem.replace('MIIB', '%%'), pem.replace('MIIB', ''), `${pem}-----BEGIN PRIVATE KEY-----`],
      'must be PEM certificates',
    ],
    [
      { type: 'credential' },
      ['env:LDAP_BIND', 'file:/run/secrets/bind'],
      ['secret', 'env:', 'env:A-B', 'file:relative'],
      'must be a reference to a credential',
    ],
  ]
  test.each(cases)('%o takes what is right and says what would be', (parameter, right, wrong, message) => {
    for (const value of right) expect(checkParameterValue(parameter, value), String(value)).toBeUndefined()
    for (const value of wrong) expect(checkParameterValue(parameter, value), String(value)).toContain(message)
  })

  test('never repeats a value, which may be a secret', () => {
    expect(checkParameterValue({ type: 'credential' }, 'hunter2')).not.toContain('hunter2')
  })
})

describe('parseParameterValue', () => {
  test.each([
    [{ type: 'port' }, '2222', 2222],
    [{ type: 'integer' }, '-7', -7],
    [{ type: 'boolean' }, 'false', false],
    [{ type: 'text' }, '22', '22'],
    [{ type: 'host' }, '10.0.0.1', '10.0.0.1'],
    [{ type: 'choice', values: ['1', '2'] }, '2', '2'],
  ] satisfies [Parameter, string, unknown][])('reads %o from "%s"', (parameter, text, value) => {
    expect(parseParameterValue(parameter, text)).toEqual({ value })
  })

  test.each([
    [{ type: 'port' }, '0x16', 'must be a port from 1 to 65535'],
    [{ type: 'port' }, '', 'must be a port from 1 to 65535'],
    [{ type: 'integer' }, '1e3', 'must be a whole number'],
    [{ type: 'boolean' }, 'yes', 'must be true or false'],
  ] satisfies [Parameter, string, string][])('refuses for %o "%s"', (parameter, text, error) => {
    expect(parseParameterValue(parameter, text)).toEqual({ error })
  })
})

const rule = (more: Partial<PolicyRule> = {}): PolicyRule => ({
  id: 'r',
  title: 'A rule',
  severity: 'low',
  direction: 'inbound',
  from: ['client'],
  probe: 'tcp',
  port: 1,
  expect: {},
  ...more,
})
const policy = (parameters: Record<string, Parameter>, ...rules: PolicyRule[]): PolicyDocument => ({
  name: 'p',
  title: 'P',
  parameters,
  rules: rules.length > 0 ? rules : [rule()],
})

describe('resolveParameters', () => {
  const document = policy({
    clientPort: { type: 'port', default: 443 },
    uiPort: { type: 'port', default: '${clientPort}' },
    host: { type: 'host' },
  })
  test.each<{ claim: string; layers: Layers; values: object }>([
    { claim: 'the default', layers: {}, values: { clientPort: 443, uiPort: 443, host: undefined } },
    {
      claim: "the target's before the default",
      layers: { target: { clientPort: 1 } },
      values: { clientPort: 1, uiPort: 1 },
    },
    {
      claim: "the audit's before the target's",
      layers: { target: { clientPort: 1 }, audit: { clientPort: 2 } },
      values: { clientPort: 2, uiPort: 2 },
    },
    {
      claim: 'its own before that of the parameter it defaults to',
      layers: { target: { uiPort: 3 }, audit: { clientPort: 2 } },
      values: { clientPort: 2, uiPort: 3 },
    },
    {
      claim: 'what other policies know in the target is no matter',
      layers: { target: { other: {}, host: 'a' } },
      values: { host: 'a' },
    },
  ])('takes $claim', ({ layers, values }) => {
    expect(resolveParameters(document, layers)).toEqual({
      values: { clientPort: 443, uiPort: 443, host: undefined, ...values },
    })
  })

  test('reports every validation issue with its layer, also in overridden values', () => {
    const strict = policy({ need: { type: 'host', required: true }, sshPort: { type: 'port', default: 22 } })
    const layers = { audit: { sshport: 1, sshPort: 2, constructor: 1 }, target: { sshPort: '22' } }
    expect(resolveParameters(strict, layers)).toEqual({
      errors: [
        { layer: 'audit', parameter: 'sshport', message: 'is no parameter of this policy: did you mean `sshPort`?' },
        { layer: 'audit', parameter: 'constructor', message: 'is no parameter of this policy: it has need, sshPort' },
        { layer: 'target', parameter: 'sshPort', message: 'must be a port from 1 to 65535' },
        { layer: 'audit', parameter: 'need', message: 'is required: give it with the audit, or with the target' },
      ],
    })
  })

  test.each(['sshport', 'SSH_PORT', 'ssh-port'])(
    'a target that spells a parameter %s is refused, not probed with the default',
    (name) => {
      const strict = policy({ sshPort: { type: 'port', default: 22 } })
      expect(resolveParameters(strict, { target: { [name]: 2222 } })).toEqual({
        errors: [
          { layer: 'target', parameter: name, message: 'is no parameter of this policy: did you mean `sshPort`?' },
        ],
      })
    },
  )

  test('a value of the right type that a rule cannot use is reported as well, in its own layer', () => {
    const days = rule({ probe: 'tls', expect: { tls: { minDaysLeft: '${days}' } } })
    const chained = policy(
      { days: { type: 'integer', default: '${base}' }, base: { type: 'integer', default: 1 } },
      days,
    )
    expect(resolveParameters(chained, { target: { base: -1 } })).toEqual({
      errors: [
        {
          layer: 'target',
          parameter: 'base',
          message: 'must be a whole number from 0 to 3650, for rule r uses it at expect/tls/minDaysLeft',
        },
      ],
    })
  })

  test('a rule that does not apply asks nothing of the values', () => {
    const off = rule({ when: '${on}', expect: { tls: { minDaysLeft: '${days}' } } })
    const document = policy({ on: { type: 'boolean', default: false }, days: { type: 'integer', default: 1 } }, off)
    expect(resolveParameters(document, { target: { days: -1 } })).toHaveProperty('values')
  })

  test('a policy without parameters has no values', () => {
    expect(resolveParameters({ name: 'p', title: 'P', rules: [rule()] }, { target: { x: 1 } })).toEqual({ values: {} })
  })
})

describe('resolveRule', () => {
  test('a whole-value placeholder keeps its type, one inside a text becomes text', () => {
    const texts = { title: 'SSH on ${port} of ${port}', remediation: 'Close ${port}.' }
    expect(resolveRule(rule({ port: '${port}', ...texts }), { port: 22 })).toEqual(
      rule({ port: 22, title: 'SSH on 22 of 22', remediation: 'Close 22.' }),
    )
  })

  test('a rule without a port has the default of its probe', () => {
    const { port: _, ...portless } = rule({ probe: 'ldap' })
    expect(resolveRule(portless, {})).toEqual(rule({ probe: 'ldap', port: 389 }))
  })

  test('a value in the form of a placeholder or a pattern is inserted as it is', () => {
    expect(resolveRule(rule({ title: 'a ${x} b' }), { x: "$& ${x} $'" })).toMatchObject({ title: "a $& ${x} $' b" })
  })

  test('what lacks a value is left out: the member, the item, and the list without items', () => {
    const expectation = {
      tls: { trustedCa: '${ca}', trusted: true },
      ssh: { hostKeys: ['${ca}'], forbid: ['a', '${ca}'] },
    }
    expect(resolveRule(rule({ expect: expectation }), { ca: undefined })).toEqual(
      rule({ expect: { tls: { trusted: true }, ssh: { forbid: ['a'] } } }),
    )
  })

  test.each([
    [{ value: '${directory}', equals: 'ad' }, true],
    [{ value: '${directory}', equals: 'any' }, false],
    [{ value: '${directory}', differsFrom: 'any' }, true],
    [{ value: '${absent}', differsFrom: 'any' }, undefined],
    [{ value: 1, equals: '1' }, false],
  ])('evaluates %o to %s', (comparison, flag) => {
    const written = rule({ expect: { ldap: { activeDirectory: comparison } } })
    const ldap = flag === undefined ? {} : { activeDirectory: flag }
    expect(resolveRule(written, { directory: 'ad', absent: undefined })).toEqual(rule({ expect: { ldap } }))
  })

  test('resolves the expectation inside a window', () => {
    const insideWindow = { expect: { ssh: { speaks: { value: '${x}', equals: 1 } } } }
    expect(resolveRule(rule({ insideWindow }), { x: 1 })).toMatchObject({
      insideWindow: { expect: { ssh: { speaks: true } } },
    })
  })

  test.each([
    [undefined, true],
    [true, true],
    [false, false],
    ['${set}', true],
    ['${zero}', true],
    ['${off}', false],
    ['${absent}', false],
    [{ value: '${set}', equals: 'a' }, true],
    [{ value: '${set}', differsFrom: 'a' }, false],
    [{ value: '${set}', differsFrom: '${zero}' }, true],
    [{ value: '${absent}', differsFrom: 'a' }, false],
    [['${set}', '${zero}'], true],
    [['${set}', '${absent}'], false],
  ])('when %o: applies %s', (when, applies) => {
    const values = { set: 'a', zero: 0, off: false, absent: undefined }
    expect(resolveRule(rule({ when }), values)).toEqual(applies ? rule() : 'notapplicable')
  })
})
