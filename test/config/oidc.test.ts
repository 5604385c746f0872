import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/env.ts'
import { readConfig } from '../../src/config/index.ts'
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

describe('how people sign in at the issuer', () => {
  const client = { PORTWARDEN_OIDC_CLIENT_ID: 'portwarden', PORTWARDEN_PUBLIC_URL: 'https://example.org/portwarden/' }

  test('is not configured without a client', () => {
    expect(readConfig(issuer).signIn).toBeUndefined()
  })

  test('is the code flow, back to the public URL', () => {
    const PORTWARDEN_OIDC_CLIENT_SECRET = 'hunter2'
    expect(readConfig({ ...issuer, ...client, PORTWARDEN_OIDC_CLIENT_SECRET }).signIn).toEqual({
      issuer: 'https://login.example.org/realms/ops',
      clientId: 'portwarden',
      clientSecret: 'hunter2',
      request: 'scope=openid+profile',
      redirectUri: 'https://example.org/portwarden/session/oidc/callback',
    })
  })

  test.each<[string, NodeJS.ProcessEnv, RegExp]>([
    ['no issuer', client, /^PORTWARDEN_OIDC_CLIENT_ID needs PORTWARDEN_OIDC_ISSUER/],
    ['no public URL', { ...issuer, ...client, PORTWARDEN_PUBLIC_URL: '' }, /needs PORTWARDEN_PUBLIC_URL/],
    ['plain HTTP', { ...issuer, ...client, PORTWARDEN_PUBLIC_URL: 'http://example.org' }, /with HTTPS/],
    ['a secret alone', { ...issuer, PORTWARDEN_OIDC_CLIENT_SECRET: 'hunter2' }, /needs PORTWARDEN_OIDC_CLIENT_ID/],
    [
      'no openid',
      { ...issuer, ...client, PORTWARDEN_OIDC_REQUEST: 'scope=email' },
      /PORTWARDEN_OIDC_REQUEST=scope=openid/,
    ],
  ])('is refused with %s, without the secret in the message', (_, env, message) => {
    expect(() => readConfig(env)).toThrow(message)
    expect(() => readConfig(env)).not.toThrow(/hunter2/)
  })
})
