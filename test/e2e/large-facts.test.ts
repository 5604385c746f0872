import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { peerAuthority } from '../support/certificates.ts'
import { portwarden } from '../support/commands.ts'
import { rootDseResponse } from '../support/ldap-bytes.ts'
import type { Listening } from '../support/listen.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { startHostile } from '../support/peers/hostile.ts'
import { startHttps } from '../support/peers/https.ts'
import type { Peer } from '../support/peers/peer.ts'
import { sshServerLists, startSshServer } from '../support/peers/ssh-server.ts'
import { type PeerProcess, spawnPeer } from '../support/processes.ts'
import { startService, type TestService } from '../support/service.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

const program = portwarden('agent')
const manyNames = Array<string>(16_900).fill('a')
const longNames = Array.from({ length: 200 }, (_, i) => String(i).padStart(250, 'x'))
const manyValues = Array.from({ length: 300 }, (_, i) => String(i).padStart(480, 'x'))

describeWithPeers(['openssl'], 'servers with large facts', () => {
  let service: TestService
  let directory: TempDir
  let agent: PeerProcess
  let plain: Listening
  let peers: (Peer & { port: number })[]

  beforeAll(async () => {
    const authority = await peerAuthority()
    const certificate = await authority.issue({
      commonName: 'large.lab.test',
      subjectAltName: longNames.map((name) => `DNS:${name}`).join(','),
    })
    const ldap = rootDseResponse(1, { defaultNamingContext: ['DC=lab'], supportedCapabilities: manyValues })
    peers = await Promise.all([
      startSshServer({ lists: { ...sshServerLists, kex: [...sshServerLists.kex, ...manyNames] } }),
      startHttps({ certificate }),
      startHostile([{ receive: 1 }, { send: ldap }, 'hang']),
    ])
    plain = await listenSilently()
    service = await startService()
    directory = await makeTempDir('large-facts')
    await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['branch'] } })
    const key = await service.call('POST', '/v1/keys', { body: { name: 'agent', scopes: ['vantage:branch'] } })
    agent = await spawnPeer(
      process.execPath,
      [...program, '--server', await service.listen(), '--vantage', 'branch', '--spool', directory.path],
      { env: { PATH: process.env.PATH, PORTWARDEN_AGENT_KEY: key.body.key }, ready: /probes from branch/ },
    )
  })
  afterAll(async () => {
    await agent?.end()
    await service?.stop()
    await plain?.close()
    for (const peer of peers ?? []) await peer.stop()
    await directory?.remove()
  })

  const rule = (id: string, more: object) => ({
    ...{ id, title: id, severity: 'high', direction: 'inbound', from: ['client', 'branch'], ...more },
  })

  test('are the same to a worker and an agent, and cost no other check its result', async () => {
    const [ssh, https, ldap] = peers.map(({ port }) => port)
    const rules = [
      rule('tcp', { probe: 'tcp', port: plain.port, expect: { state: ['open'] } }),
      rule('ssh-speaks', { probe: 'ssh', port: ssh, expect: { ssh: { speaks: true } } }),
      rule('ssh-forbids', { probe: 'ssh', port: ssh, expect: { ssh: { forbid: ['arcfour'] } } }),
      rule('tls', { probe: 'tls', port: https, expect: { tls: { minVersion: 'TLSv1.2' } } }),
      rule('ldap', { probe: 'ldap', port: ldap, expect: { ldap: { answers: true } } }),
    ]
    await service.call('PUT', '/v1/policies/large', { body: { name: 'large', title: 'Large', rules } })
    const targets = [{ name: 'large', address: '127.0.0.1' }]
    const { body } = await service.call('POST', '/v1/audits', { body: { policy: 'large', targets } })
    await service.ended(body.id)
    const findings = await service.findings(body.id)
    const seenFrom = (name: string) =>
      findings
        .filter(({ vantage }) => vantage === name)
        .map(({ rule: of, result, reason, evidence }) => ({
          ...{ of, result, reason: reason.code, evidence },
        }))
    const [worker, branch] = [...new Set(findings.map(({ vantage }) => vantage))].sort().reverse().map(seenFrom)
    expect(branch?.map(({ of, result, reason }) => `${of} ${result} ${reason}`).sort()).toEqual([
      'ldap pass as-expected',
      'ssh-forbids unknown response-too-large',
      'ssh-speaks pass as-expected',
      'tcp pass as-expected',
      'tls pass as-expected',
    ])
    const stable = (seen: typeof branch) =>
      JSON.parse(JSON.stringify(seen), (name, value) => (name === 'sha256' ? '' : value))
    expect(stable(branch)).toEqual(stable(worker))
    const omitted = JSON.stringify(branch).match(/"omitted":\[[^\]]*\]/g)
    expect(new Set(omitted)).toEqual(
      new Set(['"omitted":["algorithms/kex"]', '"omitted":["rootDse/supportedCapabilities"]']),
    )
    await agent.logged(/"recorded":true/)
  })
})
