import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PolicyDocument } from '../../src/domain/policy/policy.ts'
import { environment, runAudit } from '../support/commands.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { type Account, type SambaAd, startSambaAd } from '../support/peers/samba-ad.ts'
import { openTestStores, type TestStores } from '../support/stores.ts'

const plainBindRefused: PolicyDocument = {
  name: 'directory-hygiene',
  title: 'No password crosses the network in clear',
  rules: [
    {
      id: 'plain-bind',
      title: 'A simple bind in clear is refused',
      severity: 'high',
      direction: 'inbound',
      from: ['server'],
      probe: 'ldap',
      port: 389,
      expect: { state: ['open'], ldap: { activeDirectory: true, plainBind: 'refused' } },
    },
  ],
}

// One after the other: two commands on one database would run each other's batches, each with its own credential.
describeWithPeers(['samba-ad'], 'npm run audit against Active Directory', () => {
  let samba: SambaAd
  let stores: TestStores
  beforeAll(async () => {
    const [peer, opened] = await Promise.all([startSambaAd(), openTestStores({ connections: 2 })])
    samba = peer
    stores = opened
    await stores.policies.put(plainBindRefused)
  })
  afterAll(async () => {
    await samba?.stop()
    await stores?.close()
  })

  /** Audits the server that uses the directory, as itself; answers the findings by rule. */
  async function audit(argv: readonly string[], env: Record<string, string> = {}) {
    const settings = { PORTWARDEN_VANTAGE: 'epp-01', PORTWARDEN_ZONES: 'server', ...env }
    const outcome = await runAudit([samba.host, ...argv], environment(stores.url, settings))
    expect(outcome.audit.status).toBe('completed')
    const byRule = new Map(outcome.findings.map((finding) => [finding.rule, finding]))
    return { ...outcome, facts: factsOf(byRule), byRule }
  }

  const factsOf = (byRule: Map<string, Awaited<ReturnType<typeof runAudit>>['findings'][number]>) => (rule: string) =>
    byRule.get(rule)?.evidence?.addresses[samba.host]?.facts

  const directory = () => ['--param', `domainController=${samba.host}`]
  const withBind = () => [...directory(), '--param', 'ldapCredential=env:AD_AUDIT', '--param', `trustedCa=${samba.ca}`]
  const login = ({ principal, password }: Account, network = '127.0.0.0/8') => ({
    AD_AUDIT: JSON.stringify({ user: principal, password }),
    PORTWARDEN_CREDENTIALS: `env:AD_AUDIT@${network}`,
  })

  test('ad-ldap passes, and the stored evidence names the domain controller and its levels', async () => {
    const { code, audit: ended, byRule, facts } = await audit(directory())
    expect(code).toBe(0)
    expect(ended.verdict).toBe('pass')
    expect(byRule.get('ad-ldap')).toMatchObject({ result: 'pass', state: 'open', indirect: false })
    expect(byRule.get('ad-ldap-bind')).toMatchObject({ result: 'notapplicable', reason: { code: 'condition-not-met' } })
    const seen = {
      security: 'plain',
      activeDirectory: true,
      rootDse: {
        dnsHostName: samba.hostName,
        defaultNamingContext: samba.base,
        domainFunctionality: 4,
        forestFunctionality: 4,
        domainControllerFunctionality: 4,
      },
    }
    expect(facts('ad-ldap')).toMatchObject(seen)
    const stored = await stores.query<{ facts: object }>(
      `SELECT content -> 'addresses' -> '${samba.host}' -> 'facts' AS facts FROM evidence
       WHERE content ->> 'probe' = 'ldap' AND content -> 'addresses' ? '${samba.host}'`,
    )
    expect(stored).toMatchObject([{ facts: seen }])
  })

  test('ad-ldap-bind passes over StartTLS with a credential that the vantage holds', async () => {
    const { code, audit: ended, byRule, facts } = await audit(withBind(), login(samba.accounts.good))
    expect({ code, verdict: ended.verdict, counts: ended.counts }).toMatchObject({
      code: 0,
      verdict: 'pass',
      counts: { pass: 2, fail: 0, unknown: 0, error: 0 },
    })
    expect(byRule.get('ad-ldap-bind')).toMatchObject({ result: 'pass', state: 'open' })
    expect(facts('ad-ldap-bind')).toMatchObject({
      security: 'starttls',
      rootDse: { dnsHostName: samba.hostName },
      startTls: { offered: true, resultCode: 0 },
      tls: { trusted: true, nameMatches: true },
      bind: { as: 'credential', resultCode: 0, resultName: 'success' },
    })
  })

  test.each([
    ['otherWorkstation', 'ldap-invalid-credentials', '52e', 'a wrong password'],
    ['disabled', 'ldap-account-disabled', '533'],
    ['locked', 'ldap-account-locked', '775'],
    ['expired', 'ldap-account-expired', '701'],
    ['mustChange', 'ldap-password-must-change', '773'],
    ['outsideHours', 'ldap-logon-hours', '530'],
    ['otherWorkstation', 'ldap-workstation-not-allowed', '531'],
    ['passwordExpired', 'ldap-password-expired', '532'],
  ] as const)('an account that is %s fails with %s (data %s)', async (state, reason, adCode, password?) => {
    const account = { ...samba.accounts[state], ...(password && { password }) }
    const { code, audit: ended, byRule, facts } = await audit(withBind(), login(account))
    expect({ code, verdict: ended.verdict }).toEqual({ code: 1, verdict: 'fail' })
    expect(byRule.get('ad-ldap')?.result).toBe('pass')
    expect(byRule.get('ad-ldap-bind')).toMatchObject({ result: 'fail', state: 'open', reason: { code: reason } })
    expect(facts('ad-ldap-bind')).toMatchObject({
      security: 'starttls',
      bind: { resultCode: 49, resultName: 'invalidCredentials', adCode },
    })
  })

  test('a simple bind on plain 389 is refused with code 8, which shows that the directory is reachable', async () => {
    const { code, byRule, facts } = await audit(['--policy', plainBindRefused.name])
    expect(byRule.get('plain-bind')).toMatchObject({ result: 'pass', state: 'open', reason: { code: 'as-expected' } })
    expect(facts('plain-bind')).toMatchObject({
      security: 'plain',
      activeDirectory: true,
      plainBind: { resultCode: 8, resultName: 'strongerAuthRequired' },
    })
    expect(code).toBe(0)
  })

  test.each([
    ['that the vantage was not given', 'credential-unavailable', '', '127.0.0.0/8'],
    ['that is meant for another network', 'credential-not-allowed', 'env:AD_AUDIT@', '10.0.0.0/8'],
  ])('a credential %s is an error, and no account is touched', async (_what, reason, grant, network) => {
    const env = { ...login(samba.accounts.good), PORTWARDEN_CREDENTIALS: grant && grant + network }
    const { code, audit: ended, byRule, facts } = await audit(withBind(), env)
    expect({ code, verdict: ended.verdict }).toEqual({ code: 2, verdict: 'inconclusive' })
    expect(byRule.get('ad-ldap-bind')).toMatchObject({ result: 'error', reason: { code: reason } })
    expect(facts('ad-ldap-bind')).toMatchObject({ security: 'starttls', tls: { trusted: true } })
    expect(facts('ad-ldap-bind')).not.toHaveProperty('bind')
  })
})
