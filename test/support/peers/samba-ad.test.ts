import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Output, run } from '../processes.ts'
import { describeWithPeers } from './available.ts'
import { type Account, accountStates, type SambaAd, startSambaAd } from './samba-ad.ts'

/** Binds and reads its own entry. Samba does not know "who am I", so ldapwhoami cannot be used. */
function bind(samba: SambaAd, url: string, account: Account, ...options: string[]): Promise<Output> {
  const env = { ...process.env, LDAPTLS_CACERT: samba.caPath, LDAPTLS_REQCERT: 'demand' }
  const asUser = ['-D', account.principal, '-w', account.password]
  return run('ldapsearch', ['-x', '-H', url, ...asUser, ...options, '-s', 'base', '-b', account.dn, 'cn'], { env })
}

describeWithPeers(['samba-ad', 'ldap-utils'], 'Samba Active Directory', () => {
  let samba: SambaAd
  beforeAll(async () => {
    samba = await startSambaAd()
  })
  afterAll(() => samba?.stop())

  test('says in its rootDSE that it is Active Directory, on LDAP and on the global catalog', async () => {
    for (const port of [samba.ports.ldap, samba.ports.globalCatalog]) {
      const wanted = ['supportedCapabilities', 'dnsHostName', 'defaultNamingContext']
      const { stdout } = await run('ldapsearch', [
        '-x',
        '-LLL',
        '-H',
        `ldap://${samba.host}:${port}`,
        '-s',
        'base',
        '-b',
        '',
        ...wanted,
      ])
      expect(stdout).toContain('supportedCapabilities: 1.2.840.113556.1.4.800\n')
      expect(stdout).toContain(`dnsHostName: ${samba.hostName}\n`)
      expect(stdout).toContain(`defaultNamingContext: ${samba.base}\n`)
    }
  })

  test('lets the good account in on a verified channel only', async () => {
    const { good } = samba.accounts
    expect((await bind(samba, `ldap://${samba.host}`, good)).code).toBe(8)
    expect((await bind(samba, `ldap://${samba.host}`, good, '-ZZ')).code).toBe(0)
    expect((await bind(samba, `ldaps://${samba.host}`, good)).code).toBe(0)
    expect((await bind(samba, `ldaps://${samba.host}:${samba.ports.globalCatalogTls}`, good)).code).toBe(0)
    expect((await bind(samba, `ldaps://${samba.host}`, { ...good, password: 'wrong' })).stderr).toContain('data 52e')
  })

  test.each(accountStates.filter((state) => state !== 'good'))(
    'refuses the account %s with its own code',
    async (state) => {
      const account = samba.accounts[state]
      const { code, stderr } = await bind(samba, `ldaps://${samba.host}`, account)
      expect(code).toBe(49)
      expect(stderr).toContain(`data ${account.adCode},`)
    },
  )

  test('a second one beside it can accept plain binds', async () => {
    await using lax = await startSambaAd({ strongAuth: 'no' })
    expect((await bind(lax, `ldap://${lax.host}`, lax.accounts.good)).code).toBe(0)
  })
})
