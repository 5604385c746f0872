import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { portwarden, unique } from '../support/commands.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { type Slapd, startSlapd } from '../support/peers/slapd.ts'
import { type PeerProcess, spawnPeer } from '../support/processes.ts'
import { type RecordingProxy, startRecordingProxy } from '../support/recording-proxy.ts'
import { findSecrets } from '../support/secret-forms.ts'
import { startService, type TestService } from '../support/service.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

const program = portwarden('agent')
const password = unique('password')

describeWithPeers(['slapd'], 'a bind by an agent', () => {
  let service: TestService
  let slapd: Slapd
  let proxy: RecordingProxy
  let directory: TempDir
  const agents: PeerProcess[] = []

  beforeAll(async () => {
    service = await startService()
    const { hostname, port } = new URL(await service.listen())
    proxy = await startRecordingProxy({ host: hostname, port: Number(port) })
    slapd = await startSlapd({ users: { 'svc-audit': password } })
    directory = await makeTempDir('agent-bind')
    await service.call('PUT', '/v1/vantages/site', { body: { zones: ['server'] } })
  })
  afterAll(async () => {
    for (const agent of agents) await agent.end()
    await slapd?.stop()
    await proxy?.stop()
    await service?.stop()
    await directory?.remove()
  })

  /** What an agent with these settings makes of a rule that asks for a bind with a credential that it holds. */
  async function bindWith(env: Record<string, string>) {
    const made = await service.call('POST', '/v1/keys', { body: { name: 'agent', scopes: ['vantage:site'] } })
    const options = ['--server', `http://${proxy.host}:${proxy.port}`, '--vantage', 'site']
    const agent = await spawnPeer(
      process.execPath,
      [...program, ...options, '--spool', join(directory.path, 'spool')],
      {
        env: { PATH: process.env.PATH, PORTWARDEN_AGENT_KEY: made.body.key, PORTWARDEN_LOG_LEVEL: 'trace', ...env },
        ready: /probes from site/,
      },
    )
    agents.push(agent)
    const params = {
      ...{ domainController: slapd.host, ldapPort: slapd.port, directory: 'any', trustedCa: slapd.ca },
      ldapCredential: 'env:DIRECTORY',
    }
    const targets = [{ name: 'epp-01', address: '127.0.0.1', params }]
    const auditId = await service.accept({ policy: 'netwrix-endpoint-protector', targets, vantages: ['site'] })
    expect(await service.ended(auditId)).toMatchObject({ status: 'completed' })
    await agent.end()
    const finding = (await service.findings(auditId)).find(({ rule }) => rule === 'ad-ldap-bind')
    const { result, reason, vantage } = finding ?? expect.fail('there is no finding about the bind')
    return { result, reason: reason.code, vantage, facts: finding?.evidence?.addresses[slapd.host]?.facts }
  }

  const login = (secret: string) => JSON.stringify({ user: slapd.users[0]?.dn, password: secret })
  const binds = () => slapd.log().match(/ BIND dn="uid=svc-audit/g)?.length ?? 0

  test('passes with a credential that never leaves the agent', async () => {
    const env = { DIRECTORY: login(password), PORTWARDEN_CREDENTIALS: 'env:DIRECTORY@127.0.0.0/8' }
    expect(await bindWith(env)).toMatchObject({
      ...{ result: 'pass', reason: 'as-expected', vantage: 'site' },
      facts: { security: 'starttls', bind: { as: 'credential', resultCode: 0, resultName: 'success' } },
    })
    const sent = Buffer.concat(
      proxy.recordings.map(({ fromClient, fromServer }) => Buffer.concat([fromClient, fromServer])),
    )
    expect(sent.toString()).toContain('"env:DIRECTORY"') // the reference went over this very way
    expect(findSecrets(sent, { password })).toEqual([])
    expect(findSecrets(Buffer.from(agents.map(({ log }) => log()).join()), { password })).toEqual([])
  })

  test.each([
    [
      'fails with a password that the directory refuses',
      'not this one',
      '127.0.0.0/8',
      'fail',
      'ldap-invalid-credentials',
    ],
    [
      'is not made where the agent may not send the credential',
      password,
      '10.0.0.0/8',
      'error',
      'credential-not-allowed',
    ],
    ['is not made with a credential that the agent lacks', undefined, '127.0.0.0/8', 'error', 'credential-unavailable'],
  ] as const)('%s', async (_, secret, network, result, reason) => {
    const before = binds()
    const env = {
      ...(secret !== undefined && { DIRECTORY: login(secret) }),
      PORTWARDEN_CREDENTIALS: `env:DIRECTORY@${network}`,
    }
    expect(await bindWith(env)).toMatchObject({ result, reason })
    // What was sent is logged soon.
    await expect.poll(() => binds() - before).toBe(result === 'fail' ? 1 : 0)
  })
})
