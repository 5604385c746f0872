import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Finding } from '../../src/domain/findings/finding.ts'
import type { PolicyDocument } from '../../src/domain/policy/policy.ts'
import type { LdapFacts } from '../../src/domain/protocols/ldap.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { environment, runAudit } from '../support/commands.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { type Account, type SambaAd, startSambaAd } from '../support/peers/samba-ad.ts'
import { openTestStores, type TestStores } from '../support/stores.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

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

const refusals = [
  ['good', 'ldap-invalid-credentials', '52e', 'a wrong password'],
  ['disabled', 'ldap-account-disabled', '533'],
  ['locked', 'ldap-account-locked', '775'],
  ['expired', 'ldap-account-expired', '701'],
  ['mustChange', 'ldap-password-must-change', '773'],
  ['outsideHours', 'ldap-logon-hours', '530'],
  ['otherWorkstation', 'ldap-workstation-not-allowed', '531'],
  ['passwordExpired', 'ldap-password-expired', '532'],
] as const

describeWithPeers(['samba-ad'], 'Active Directory', () => {
  let samba: SambaAd
  beforeAll(async () => {
    samba = await startSambaAd()
  })
  afterAll(() => samba?.stop())

  // One after the other: two commands on one database would run each other's batches, each with its own credential.
  describe('npm run audit', () => {
    let stores: TestStores
    beforeAll(async () => {
      stores = await openTestStores({ connections: 2 })
      await stores.policies.put(plainBindRefused)
    })
    afterAll(() => stores?.close())

    /** Audits the server that uses the directory, as itself; returns the findings by rule. */
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
    const withBind = () => [
      ...directory(),
      '--param',
      'ldapCredential=env:AD_AUDIT',
      '--param',
      `trustedCa=${samba.ca}`,
    ]
    const login = ({ principal, password }: Account, network = '127.0.0.0/8') => ({
      AD_AUDIT: JSON.stringify({ user: principal, password }),
      PORTWARDEN_CREDENTIALS: `env:AD_AUDIT@${network}`,
    })

    test('ad-ldap passes, and the stored evidence names the domain controller and its levels', async () => {
      const { code, audit: ended, byRule, facts } = await audit(directory())
      expect(code).toBe(0)
      expect(ended.verdict).toBe('pass')
      expect(byRule.get('ad-ldap')).toMatchObject({ result: 'pass', state: 'open', indirect: false })
      expect(byRule.get('ad-ldap-bind')).toMatchObject({
        result: 'notapplicable',
        reason: { code: 'condition-not-met' },
      })
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

    test('over LDAPS both rules show the same trust of the same certificate', async () => {
      const { byRule, facts } = await audit([...withBind(), '--param', 'ldapPort=636'], login(samba.accounts.good))
      expect(byRule.get('ad-ldap')?.result).toBe('pass')
      expect(facts('ad-ldap')).toMatchObject({ security: 'ldaps', tls: { trusted: true, nameMatches: true } })
      const { bind: _, ...withoutBind } = facts('ad-ldap-bind') as LdapFacts
      expect(facts('ad-ldap')).toEqual(withoutBind)
    })

    test('a disabled account fails, with exit code 1', async () => {
      const { code, audit: ended, byRule } = await audit(withBind(), login(samba.accounts.disabled))
      expect({ code, verdict: ended.verdict }).toEqual({ code: 1, verdict: 'fail' })
      expect(byRule.get('ad-ldap')?.result).toBe('pass')
      expect(byRule.get('ad-ldap-bind')).toMatchObject({ result: 'fail', reason: { code: 'ldap-account-disabled' } })
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

  describe('an audit', () => {
    let files: TempDir
    let app: TestApp
    let findings: Finding[]
    /** One audit of a target for each account. */
    beforeAll(async () => {
      files = await makeTempDir('active-directory')
      const paths = refusals.map(([, , adCode]) => join(files.path, adCode))
      const grants = paths.map((path) => `file:${path}@127.0.0.0/8`).join(',')
      app = await startTestApp({ PORTWARDEN_CREDENTIALS: grants, PORTWARDEN_ZONES: 'server' })
      await app.work()
      for (const [i, [state, , , password]] of refusals.entries()) {
        const account = samba.accounts[state]
        await writeFile(
          paths[i] ?? '',
          JSON.stringify({ user: account.principal, password: password ?? account.password }),
        )
      }
      const auditId = await app.accept({
        policy: 'netwrix-endpoint-protector',
        targets: refusals.map(([, , adCode], i) => ({
          name: adCode,
          address: samba.host,
          params: { domainController: samba.host, ldapCredential: `file:${paths[i]}`, trustedCa: samba.ca },
        })),
      })
      expect(await app.ended(auditId)).toMatchObject({ status: 'completed', verdict: 'fail' })
      findings = await app.findings(auditId)
    })
    afterAll(async () => {
      await app?.stop()
      await files?.remove()
    })

    test.each(refusals)('with an account that is %s fails with %s (data %s)', (_, reason, adCode, _password?) => {
      const about = (rule: string) => findings.find((finding) => finding.target === adCode && finding.rule === rule)
      expect(about('ad-ldap')?.result).toBe('pass')
      const bind = about('ad-ldap-bind')
      expect(bind).toMatchObject({ result: 'fail', state: 'open', reason: { code: reason } })
      expect(bind?.evidence?.addresses[samba.host]?.facts).toMatchObject({
        security: 'starttls',
        bind: { resultCode: 49, resultName: 'invalidCredentials', adCode },
      })
    })
  })
})
