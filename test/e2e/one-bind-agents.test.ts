import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { portwarden } from '../support/commands.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { type SambaAd, startSambaAd } from '../support/peers/samba-ad.ts'
import { type PeerProcess, spawnPeer } from '../support/processes.ts'
import { startService, type TestService } from '../support/service.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

const program = portwarden('agent')
const vantages = ['north', 'south', 'west'] as const

describeWithPeers(['samba-ad'], 'an account that three agents bind with', () => {
  let service: TestService
  let samba: SambaAd
  let files: TempDir
  const agents: PeerProcess[] = []

  beforeAll(async () => {
    samba = await startSambaAd()
    files = await makeTempDir('one-bind-agents')
    service = await startService({ env: { PORTWARDEN_VANTAGE: 'unused', PORTWARDEN_ZONES: 'unused' } })
    const url = await service.listen()
    for (const name of vantages) {
      await service.call('PUT', `/v1/vantages/${name}`, { body: { zones: ['server'] } })
      const made = await service.call('POST', '/v1/keys', { body: { name, scopes: [`vantage:${name}`] } })
      const options = ['--server', url, '--vantage', name, '--spool', join(files.path, name)]
      const env = {
        PATH: process.env.PATH,
        PORTWARDEN_AGENT_KEY: made.body.key,
        PORTWARDEN_CREDENTIALS: vantages.map((one) => `file:${join(files.path, `${one}.json`)}@127.0.0.0/8`).join(','),
      }
      agents.push(await spawnPeer(process.execPath, [...program, ...options], { env, ready: /probes from/ }))
    }
  })
  afterAll(async () => {
    for (const agent of agents) await agent.end()
    await service?.stop()
    await samba?.stop()
    await files?.remove()
  })

  const credential = (name: string, user: string, password: string) =>
    writeFile(join(files.path, `${name}.json`), JSON.stringify({ user, password }))

  const audit = (names: readonly string[]) => {
    const server = { domainController: samba.host, trustedCa: samba.ca }
    const targets = names.map((name) => ({
      ...{ name: `of-${name}`, address: '127.0.0.1' },
      params: { ...server, ldapCredential: `file:${join(files.path, `${name}.json`)}` },
    }))
    return service.accept({ policy: 'netwrix-endpoint-protector', targets, vantages: [...vantages] })
  }
  async function bindsOf(auditId: string) {
    expect(await service.ended(auditId)).toMatchObject({ status: 'completed' })
    const findings = (await service.findings(auditId)).filter(({ rule }) => rule === 'ad-ldap-bind')
    return findings.map(({ result, reason, vantage, evidence }) => {
      const facts: Record<string, unknown> = { ...evidence?.addresses[samba.host]?.facts }
      return { result, reason: reason.code, vantage, withheld: facts.bindWithheld as object | undefined }
    })
  }
  const counted = (binds: Awaited<ReturnType<typeof bindsOf>>) => ({
    sent: binds.filter(({ reason }) => reason === 'ldap-invalid-credentials').length,
    withheld: binds.filter(({ result, reason }) => `${result} ${reason}` === 'error credential-withheld').length,
  })

  test('with a wrong password fails one logon in all of their audits, however it is spelled', async () => {
    const { principal, dn } = samba.accounts.good
    const [name] = principal.split('@')
    await credential('north', principal.toUpperCase(), 'not this one')
    await credential('south', dn, 'nor this one')
    await credential('west', `ADLAB\\${name}`, 'nor that one')
    const first = await audit(vantages)
    const binds = await bindsOf(first)
    expect(counted(binds)).toEqual({ sent: 1, withheld: 8 })
    expect(await samba.failedLogons(samba.accounts.good)).toBe(1)
    const refused = binds.find(({ reason }) => reason === 'ldap-invalid-credentials')
    const cause = { vantage: refused?.vantage, reason: 'ldap-invalid-credentials' }
    for (const { withheld } of binds.filter(({ result }) => result === 'error'))
      expect(withheld).toEqual({ ...cause, host: samba.host, port: 389 })

    // The same credential in overlapping audits, and in later ones: no further logon.
    await Promise.all(vantages.map((one) => credential(one, principal, 'the same')))
    const overlapping = await Promise.all([1, 2, 3].map(() => audit(vantages)))
    const further = (await Promise.all(overlapping.map(bindsOf))).map(counted)
    expect(further.reduce((sum, { sent }) => sum + sent, 0)).toBe(1)
    const later = await bindsOf(await audit(vantages))
    expect(counted(later)).toEqual({ sent: 0, withheld: 9 })
    expect(later[0]?.withheld).toEqual({
      vantage: expect.any(String),
      auditId: expect.toSatisfy((id) => overlapping.includes(id)),
      reason: 'ldap-invalid-credentials',
      until: expect.any(String),
    })

    // A third credential within the hour is not tried either: it could lock the account.
    await Promise.all(vantages.map((one) => credential(one, principal, 'a third one')))
    expect(counted(await bindsOf(await audit(vantages)))).toEqual({ sent: 0, withheld: 9 })
    expect(await samba.failedLogons(samba.accounts.good)).toBe(2)
  })

  test('binds again from everywhere as soon as its credential is right, and an hour has passed', async () => {
    await service.query(`UPDATE bind_attempt SET started_at = started_at - interval '61 minutes'`)
    const { principal, password } = samba.accounts.good
    await Promise.all(vantages.map((one) => credential(one, principal, password)))
    const binds = await bindsOf(await audit(['north']))
    expect(binds.map(({ result }) => result)).toEqual(['pass', 'pass', 'pass'])
    expect(await samba.failedLogons(samba.accounts.good)).toBe(0)
  })
})
