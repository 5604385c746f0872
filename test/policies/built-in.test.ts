import { describe, expect, test } from 'vitest'
import { resolveParameters, resolveRule } from '../../src/domain/policy/parameters.ts'
import { placeholdersIn } from '../../src/domain/policy/placeholders.ts'
import { type ParameterValue, type PolicyDocument, Rule } from '../../src/domain/policy/policy.ts'
import { checkShape } from '../../src/domain/policy/shape.ts'
import { builtInPolicies } from '../../src/policies/built-in.ts'

const policy = builtInPolicies().find(({ name }) => name === 'netwrix-endpoint-protector') as PolicyDocument

function resolve(params: Record<string, ParameterValue>) {
  const resolved = resolveParameters(policy, { target: params })
  if ('errors' in resolved) throw new Error(JSON.stringify(resolved.errors))
  return Object.fromEntries(policy.rules.map((rule) => [rule.id, resolveRule(rule, resolved.values)]))
}

describe('the policy netwrix-endpoint-protector', () => {
  test('has the rules, severities and zones of its table', () => {
    const table = policy.rules.map(({ id, severity, from, indirect = false }) => ({ id, severity, from, indirect }))
    expect(table).toEqual([
      { id: 'client-https', severity: 'high', from: ['client'], indirect: false },
      { id: 'client-https-encrypted', severity: 'high', from: ['client'], indirect: false },
      { id: 'server-certificate', severity: 'medium', from: ['client'], indirect: false },
      { id: 'ui-https', severity: 'medium', from: ['admin', 'client'], indirect: false },
      { id: 'ui-https-encrypted', severity: 'medium', from: ['admin', 'client'], indirect: false },
      { id: 'ui-certificate', severity: 'medium', from: ['admin', 'client'], indirect: false },
      { id: 'ssh-restricted', severity: 'high', from: ['client', 'untrusted'], indirect: false },
      { id: 'ssh-support', severity: 'high', from: ['support'], indirect: false },
      { id: 'ad-ldap', severity: 'high', from: ['server'], indirect: true },
      { id: 'ad-ldap-bind', severity: 'high', from: ['server'], indirect: true },
    ])
  })

  test('has no parameter that no rule uses', () => {
    const used = placeholdersIn(JSON.stringify([policy.rules, policy.parameters]))
    expect(used.sort()).toEqual(Object.keys(policy.parameters ?? {}).sort())
  })

  test('says for each rule why it is there and what to do, and which controls it serves', () => {
    for (const { id, rationale, remediation, controls } of policy.rules) {
      expect({ id, rationale, remediation }).toEqual({
        id,
        rationale: expect.any(String),
        remediation: expect.any(String),
      })
      expect(controls?.length, id).toBeGreaterThan(0)
    }
  })

  test('resolves with nothing but its defaults', () => {
    expect(resolve({})).toMatchObject({
      'client-https': {
        port: 443,
        expect: { state: ['open'], tls: { minVersion: 'TLSv1.2' }, http: { answers: true } },
      },
      'client-https-encrypted': {
        port: 443,
        expect: { state: ['open', 'closed', 'filtered'], http: { plainServed: false } },
      },
      'server-certificate': {
        port: 443,
        expect: {
          state: ['open'],
          tls: {
            ...{ trusted: true, allowSelfSigned: false, nameMatches: true, validNow: true, minDaysLeft: 14 },
            minKeyBits: { rsa: 2048, ec: 256 },
            notRevoked: true,
          },
        },
      },
      'ui-https': 'notapplicable',
      'ui-https-encrypted': 'notapplicable',
      'ui-certificate': 'notapplicable',
      'ssh-restricted': { probe: 'tcp', port: 22, expect: { state: ['closed', 'filtered'] } },
      'ssh-support': {
        probe: 'ssh',
        port: 22,
        expect: { state: ['closed', 'filtered'] },
        insideWindow: { expect: { state: ['open'], ssh: { speaks: true } } },
      },
      'ad-ldap': 'notapplicable',
      'ad-ldap-bind': 'notapplicable',
    })
  })

  test('its user interface follows the port of the clients unless it is separated', () => {
    for (const id of ['ui-https', 'ui-https-encrypted', 'ui-certificate']) {
      expect(resolve({ clientPort: 8443 })[id]).toBe('notapplicable')
      expect(resolve({ uiPort: 8443 })[id]).toMatchObject({ port: 8443 })
      expect(resolve({ clientPort: 8443, uiPort: 443 })[id]).toMatchObject({ port: 443 })
    }
  })

  test('demands of the certificate and of clear HTTP on the port of the user interface what it demands of the clients', () => {
    const rules = resolve({ uiPort: 8443 })
    const demandOf = (id: string) => {
      const rule = rules[id]
      if (!rule || rule === 'notapplicable') throw new Error(`${id} does not apply`)
      return { probe: rule.probe, expect: rule.expect }
    }
    expect(demandOf('ui-certificate')).toEqual(demandOf('server-certificate'))
    expect(demandOf('ui-https-encrypted')).toEqual(demandOf('client-https-encrypted'))
    expect(demandOf('ui-https')).toEqual(demandOf('client-https'))
  })

  test('probes the directory on the domain controller', () => {
    const found = { host: 'dc1.example', port: 389, direction: 'outbound' }
    expect(resolve({ domainController: 'dc1.example' })).toMatchObject({
      'ad-ldap': { ...found, expect: { ldap: { answers: true, activeDirectory: true } } },
      'ad-ldap-bind': 'notapplicable',
    })
    expect(resolve({ domainController: 'dc1.example', directory: 'any', ldapPort: 1389 })['ad-ldap']).toMatchObject({
      port: 1389,
      expect: { ldap: { answers: true, activeDirectory: false } },
    })
  })

  test('binds at the domain controller only, and never without one', () => {
    const ldapCredential = 'env:LDAP_BIND'
    expect(resolve({ ldapCredential })['ad-ldap-bind']).toBe('notapplicable')
    expect(resolve({ ldapCredential, domainController: 'dc1.example' })['ad-ldap-bind']).toMatchObject({
      host: 'dc1.example',
      expect: { ldap: { security: ['starttls', 'ldaps'], bind: { credentialRef: ldapCredential } } },
    })
  })

  test('passes the own authority on to where certificates are judged', () => {
    const trustedCa = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'
    const params = { trustedCa, uiPort: 8443, domainController: 'dc1.example', ldapCredential: 'env:A' }
    expect(resolve(params)).toMatchObject({
      'server-certificate': { expect: { tls: { trustedCa } } },
      'ui-certificate': { expect: { tls: { trustedCa } } },
      'ad-ldap-bind': { expect: { ldap: { trustedCa } } },
    })
  })

  test('every rule that applies is complete', () => {
    const rules = resolve({ uiPort: 8443, domainController: '10.0.0.2', ldapCredential: 'file:/run/bind' })
    for (const rule of Object.values(rules)) expect(checkShape(Rule, rule)).toEqual([])
  })
})
