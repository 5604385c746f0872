import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/env.ts'
import { readTokenRules } from '../../src/config/oidc.ts'

const issuer = {
  PORTWARDEN_OIDC_ISSUER: 'https://login.example.org/realms/ops',
  PORTWARDEN_OIDC_AUDIENCE: 'portwarden',
}

describe('whose tokens are taken', () => {
  test('is not configured without an issuer', () => {
    expect(readTokenRules({})).toBeUndefined()
    expect(readTokenRules({ PORTWARDEN_OIDC_AUDIENCE: 'portwarden' })).toBeUndefined()
  })

  test('is an issuer with an audience; the claim `scope` has scopes', () => {
    expect(readTokenRules(issuer)).toEqual({
      issuer: 'https://login.example.org/realms/ops',
      audience: 'portwarden',
      scopeClaim: 'scope',
      meanings: undefined,
    })
  })

  test('maps the values of another claim to scopes', () => {
    const PORTWARDEN_OIDC_SCOPES = 'auditors=audits:run+reports:read, cn=heads=admin,dmz=vantage:dmz'
    const rules = readTokenRules({ ...issuer, PORTWARDEN_OIDC_SCOPE_CLAIM: '/groups', PORTWARDEN_OIDC_SCOPES })
    expect(rules?.scopeClaim).toBe('/groups')
    expect(rules?.meanings).toEqual({
      auditors: ['audits:run', 'reports:read'],
      'cn=heads': ['admin'],
      dmz: ['vantage:dmz'],
    })
  })

  test.each([
    ['PORTWARDEN_OIDC_ISSUER', 'https://a.example.org,https://b.example.org'],
    ['PORTWARDEN_OIDC_ISSUER', 'https://a.example.org https://b.example.org'],
    ['PORTWARDEN_OIDC_ISSUER', 'https://a.example.org;https://b.example.org'],
    ['PORTWARDEN_OIDC_ISSUER', 'login.example.org'],
    ['PORTWARDEN_OIDC_ISSUER', 'http://login.example.org'],
    ['PORTWARDEN_OIDC_ISSUER', 'https://login.example.org?x=y'],
    ['PORTWARDEN_OIDC_ISSUER', 'https://user:word@login.example.org'],
    ['PORTWARDEN_OIDC_AUDIENCE', ''],
    ['PORTWARDEN_OIDC_SCOPE_CLAIM', 'a b'],
    ['PORTWARDEN_OIDC_SCOPES', 'auditors'],
    ['PORTWARDEN_OIDC_SCOPES', 'auditors=root'],
    ['PORTWARDEN_OIDC_SCOPES', '=admin'],
  ])('is refused at start where %s is %j, with a valid example', (variable, value) => {
    const read = () => readTokenRules({ ...issuer, [variable]: value })
    expect(read).toThrow(ConfigError)
    expect(read).toThrow(new RegExp(`valid example: ${variable}=\\S`))
  })
})
