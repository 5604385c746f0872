import { describe, expect, test } from 'vitest'
import { type Judgement, judge } from '../../src/domain/findings/judge.ts'
import { judgePair } from '../../src/domain/findings/paired-rule.ts'
import { resolveRule } from '../../src/domain/policy/parameters.ts'
import { Expectation, type PolicyRule, type ResolvedExpectation } from '../../src/domain/policy/policy.ts'
import type { Shape } from '../../src/domain/policy/shape.ts'
import { checkPolicy, loadPolicy } from '../../src/policies/load.ts'
import { observation } from '../domain/findings/rules.ts'

const future = 'demandOfTomorrow'

/** One value that a shape accepts, with every field that may stand together. */
function sampleOf(shape: Shape): unknown {
  if (shape.anyOf) return sampleOf(shape.anyOf[0] ?? {})
  if (shape.enum) return shape.enum[0]
  if (shape.const !== undefined) return shape.const
  if (shape.type === 'array') return [sampleOf(shape.items ?? {})]
  if (shape.type === 'boolean') return true
  if (shape.type === 'integer') return shape.minimum ?? 1
  if (shape.type !== 'object') return shape.examples?.[0] ?? 'text'
  return Object.fromEntries(Object.entries(shape.properties ?? {}).map(([name, one]) => [name, sampleOf(one)]))
}

/** Copies of a value, each with a field more in one of its objects. */
function grown(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => grown(item).map((one) => value.with(i, one)))
  if (typeof value !== 'object' || value === null) return []
  const inside = Object.entries(value).flatMap(([name, one]) => grown(one).map((part) => ({ ...value, [name]: part })))
  return [{ ...value, [future]: true }, ...inside]
}

const { state: _, hostAnswered: __, onlyOpen: ___, ...groups } = Expectation.properties
const probeOf: Record<keyof typeof groups, PolicyRule['probe']> = {
  tls: 'tls',
  http: 'https',
  ssh: 'ssh',
  ldap: 'ldap',
  smtp: 'smtp',
  smb: 'smb',
  kerberos: 'kerberos',
  rdp: 'rdp',
  dns: 'dns',
  mssql: 'mssql',
  redis: 'redis',
  udp: 'udp',
}
const expectations = Object.entries(groups).flatMap(([name, shape]) => {
  const probe = probeOf[name as keyof typeof probeOf]
  return grown({ state: ['open'], [name]: sampleOf(shape as Shape) }).map((expect) => ({ probe, expect }))
})

const around = {
  ...{ id: 'r', title: 'R', severity: 'high', direction: 'inbound', from: ['client'], port: 443 },
} as const
const open = observation({ state: 'open', reason: 'tcp-connected' })
const closed = observation({ state: 'closed', reason: 'connection-refused' })

/** Rules that this version does not know in full, which an observation would meet if the unknown part were ignored. */
const tcp = { ...around, probe: 'tcp', expect: {} } as const
const rules: [string, object][] = [
  ['a field of the rule', { ...tcp, [future]: true }],
  ['a field that windows decide by', { ...tcp, insideWindow: { expect: {}, [future]: true } }],
  ['a state', { ...tcp, expect: { state: ['open', future] } }],
  ['a field of the expectation', { ...tcp, expect: { [future]: true } }],
  ['a family', { ...tcp, families: ['ipv4', future] }],
  ['a condition', { ...tcp, when: [{ value: 1, greaterThan: 2 }] }],
  ['a comparison', { ...tcp, expect: { state: ['open'], hostAnswered: { value: 1, greaterThan: 2 } } }],
  ['a probe', { ...tcp, probe: future }],
  ['a TLS version', { ...around, probe: 'tls', expect: { tls: { minVersion: 'TLSv1.4' } } }],
  ...expectations.map(({ expect, ...rule }): [string, object] => [
    JSON.stringify(expect),
    { ...around, ...rule, expect },
  ]),
]

const judgeStored = (rule: object): Judgement => {
  const resolved = resolveRule(rule as PolicyRule, {})
  if (resolved === 'notapplicable') throw new Error('the rule applies')
  return judge(resolved, open, { windowOpen: false })
}

describe('what a newer version may demand', () => {
  test('is found at every depth of an expectation', () => {
    expect(expectations.length).toBeGreaterThanOrEqual(12)
    expect(rules.map(([what]) => what)).toContainEqual(expect.stringContaining('credentialRef'))
  })

  test.each(rules)('does not load: %s', (_, rule) => {
    const policy = { name: 'p', title: 'P', rules: [rule] }
    expect(checkPolicy(policy)).toHaveProperty('errors')
    for (const format of ['json', 'yaml'] as const)
      expect(loadPolicy(JSON.stringify(policy), format)).toHaveProperty('errors')
  })

  test.each(rules)('is an error in a stored policy, and never a pass: %s', (_, rule) => {
    expect(judgeStored(rule)).toMatchObject({ result: 'error', reason: 'expectation-not-supported' })
  })

  test('is an error inside a window, and in a pair, on either side', () => {
    const known = resolveRule({ ...tcp } as PolicyRule, {})
    if (known === 'notapplicable') throw new Error('the rule applies')
    const unknown = { [future]: true } as ResolvedExpectation
    const inside = { ...known, insideWindow: { expect: unknown } }
    expect(judge(inside, open, { windowOpen: true }).reason).toBe('expectation-not-supported')
    expect(judge(inside, open, { windowOpen: false }).result).toBe('pass')
    const unlike = { from: ['untrusted'], expect: { state: ['closed' as const] } }
    const sides = { seen: open, others: [closed] }
    expect(judgePair({ ...known, unlike }, sides).result).toBe('pass')
    for (const rule of [
      { ...known, unlike, expect: unknown },
      { ...known, unlike: { ...unlike, expect: { ...unlike.expect, ...unknown } } },
      { ...known, unlike: { ...unlike, ...unknown } },
    ])
      expect(judgePair(rule, sides)).toMatchObject({ result: 'error', reason: 'expectation-not-supported' })
  })
})
