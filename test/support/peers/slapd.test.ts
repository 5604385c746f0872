import { expect, test } from 'vitest'
import { run } from '../processes.ts'
import { describeWithPeers } from './available.ts'
import { type Slapd, startSlapd } from './slapd.ts'

/** Who slapd says we are, or the result code that the client ends with. */
async function whoAmI(slapd: Slapd, url: string, ...options: string[]): Promise<string | number> {
  const env = { ...process.env, LDAPTLS_CACERT: slapd.caPath, LDAPTLS_REQCERT: 'demand' }
  const { code, stdout } = await run('ldapwhoami', ['-x', '-H', url, ...options], { env })
  return code === 0 ? stdout.trim() : code
}

describeWithPeers(['slapd', 'ldap-utils'], 'OpenLDAP', () => {
  test('binds over LDAP, StartTLS and LDAPS, with its certificate verified', async () => {
    await using slapd = await startSlapd()
    const [user] = slapd.users
    const asUser = ['-D', user?.dn ?? '', '-w', user?.password ?? '']
    const plain = `ldap://${slapd.host}:${slapd.port}`
    expect(await whoAmI(slapd, plain)).toBe('anonymous')
    expect(await whoAmI(slapd, plain, ...asUser)).toBe(`dn:${user?.dn}`)
    expect(await whoAmI(slapd, plain, '-ZZ', ...asUser)).toBe(`dn:${user?.dn}`)
    expect(await whoAmI(slapd, `ldaps://${slapd.host}:${slapd.ldapsPort}`, ...asUser)).toBe(`dn:${user?.dn}`)
    expect(await whoAmI(slapd, plain, '-D', user?.dn ?? '', '-w', 'wrong')).toBe(49)
  })

  test('refuses plain and anonymous binds where configured', async () => {
    await using slapd = await startSlapd({ requireTls: true, disallowAnonymous: true })
    const [user] = slapd.users
    const plain = `ldap://${slapd.host}:${slapd.port}`
    expect(await whoAmI(slapd, plain, '-D', user?.dn ?? '', '-w', user?.password ?? '')).toBe(13)
    expect(await whoAmI(slapd, plain)).toBe(48)
  })

  test('offers no StartTLS without a certificate', async () => {
    await using slapd = await startSlapd({ tls: false })
    expect(await whoAmI(slapd, `ldap://${slapd.host}:${slapd.port}`, '-ZZ')).not.toBe('anonymous')
  })
})
