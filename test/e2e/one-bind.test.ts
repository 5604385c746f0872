import { writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../support/app.ts'
import { listen } from '../support/listen.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { startSambaAd } from '../support/peers/samba-ad.ts'
import { type Slapd, startSlapd } from '../support/peers/slapd.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

describeWithPeers(['samba-ad', 'slapd'], 'in one audit an account', () => {
  let files: TempDir
  let app: TestApp
  beforeAll(async () => {
    files = await makeTempDir('one-bind')
    const grants = ['good', 'wrong', 'strange'].map((name) => `file:${join(files.path, name)}@127.0.0.0/8`)
    app = await startTestApp({ PORTWARDEN_CREDENTIALS: grants.join(','), PORTWARDEN_ZONES: 'server' })
    await app.work()
  })
  afterAll(async () => {
    await app?.stop()
    await files?.remove()
  })

  const credential = async (name: 'good' | 'wrong' | 'strange', user: string, password: string) => {
    const path = join(files.path, name)
    await writeFile(path, JSON.stringify({ user, password }))
    return `file:${path}`
  }

  /** Audits a server for each set of parameters; returns what became of each bind. */
  async function bindResults(servers: readonly Record<string, unknown>[]) {
    const targets = servers.map((params, index) => ({ name: `server-${index}`, address: '127.0.0.1', params }))
    const auditId = await app.accept({ policy: 'netwrix-endpoint-protector', targets })
    expect((await app.ended(auditId)).status).toBe('completed')
    const findings = (await app.findings(auditId)).filter(({ rule }) => rule === 'ad-ldap-bind')
    return findings.map(({ result, reason }) => ({ result, reason: reason.code }))
  }

  test('with a wrong password is tried once for ten servers, and so is not locked at the third try', async () => {
    await using samba = await startSambaAd()
    const { principal, password } = samba.accounts.good
    const server = { domainController: samba.host, trustedCa: samba.ca }
    const wrong = await credential('wrong', principal, 'not this one')
    const refused = await bindResults(Array.from({ length: 10 }, () => ({ ...server, ldapCredential: wrong })))
    expect(refused).toEqual(refused.map(() => ({ result: 'fail', reason: 'ldap-invalid-credentials' })))
    expect(refused).toHaveLength(10)
    const good = await credential('good', principal, password)
    expect(await bindResults([{ ...server, ldapCredential: good }])).toEqual([
      { result: 'pass', reason: 'as-expected' },
    ])
  })

  test('that one directory refused is not sent to another', async () => {
    await using one = await startSlapd()
    await using other = await startSlapd()
    const ldapCredential = await credential('strange', one.users[0]?.dn ?? '', 'not this one')
    const seen = await bindResults(
      [one, other].map(({ host, port, ca }) => ({
        domainController: host,
        ldapPort: port,
        directory: 'any',
        trustedCa: ca,
        ldapCredential,
      })),
    )
    expect(seen.toSorted((a, b) => a.result.localeCompare(b.result))).toEqual([
      { result: 'error', reason: 'credential-withheld' },
      { result: 'fail', reason: 'ldap-invalid-credentials' },
    ])
    expect((await bindsAt(one)) + (await bindsAt(other))).toBe(1)
  })

  test('that a proxy calls unavailable (52) is not tried in the next audit, because the server behind it counted a failed logon', async () => {
    await using samba = await startSambaAd({ strongAuth: 'no' })
    await using stack = new AsyncDisposableStack()
    const link = await losesResponses(samba.host, samba.ports.ldap)
    stack.defer(link.close)
    const extra = `moduleload back_ldap\ndatabase ldap\nsuffix "${samba.base}"\nuri "ldap://127.0.0.1:${link.port}"`
    await using proxy = await startSlapd({ extra })
    // An account that no other test binds with.
    const account = samba.accounts.outsideHours
    const ldapCredential = await credential('strange', account.dn, 'not this one')
    const params = { domainController: proxy.host, ldapPort: proxy.port, directory: 'any', trustedCa: proxy.ca }
    expect(await bindResults([{ ...params, ldapCredential }])).toEqual([
      { result: 'fail', reason: 'ldap-bind-refused' },
    ])
    const counted = await samba.failedLogons(account)
    expect(counted).toBeGreaterThan(0)
    expect(await bindResults([{ ...params, ldapCredential }])).toEqual([
      { result: 'error', reason: 'credential-withheld' },
    ])
    expect(await samba.failedLogons(account)).toBe(counted)
  })
})

/** A relay to a directory whose connections end before the response to a request. */
const losesResponses = (host: string, port: number) =>
  listen(
    createServer((client) => {
      const directory = connect(port, host)
      client.pipe(directory)
      directory.once('data', () => client.destroy())
      for (const socket of [client, directory]) socket.on('error', () => {})
      client.on('close', () => directory.destroy())
    }),
  )

/** The number of binds, once both probes of an audit have disconnected. */
async function bindsAt(slapd: Slapd): Promise<number> {
  await slapd.logged(/ UNBIND.* UNBIND/s)
  return slapd.log().match(/ BIND dn="[^"]+" method=128/g)?.length ?? 0
}
