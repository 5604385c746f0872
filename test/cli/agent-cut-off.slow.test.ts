import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ports } from '../support/app.ts'
import { portwarden } from '../support/commands.ts'
import { inFull } from '../support/fleet.ts'
import { bridgeInto } from '../support/namespace-bridge.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { type Network, startNetwork } from '../support/peers/netns.ts'
import { findCommand, type PeerProcess, spawnPeer } from '../support/processes.ts'
import { startService, type TestService } from '../support/service.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'
import { startTlsFront, type TlsFront } from '../support/tls-front.ts'

const program = portwarden('agent')
/** A port of the agent's own loopback on which packets are dropped: to be sure of that takes a probe some seconds. */
const slowPort = 1001

describeWithPeers(['netns', 'openssl'], 'an agent whose link goes down', () => {
  let service: TestService
  let front: TlsFront
  let network: Network
  let directory: TempDir
  let server: string
  const closers: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    service = await startService()
    front = await startTlsFront(await service.listen())
    network = await startNetwork()
    directory = await makeTempDir('cut')
    const bridge = await bridgeInto(network, front)
    closers.push(bridge.stop)
    server = `https://${bridge.host}:${bridge.port}`
    await network.exec('client', [findCommand('nft') ?? 'nft', '-f', '-'], {
      input: `table inet own { chain input { type filter hook input priority 0; policy accept;\n tcp dport ${slowPort} drop\n }\n}`,
    })
    await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['elsewhere'] } })
  })
  afterAll(async () => {
    for (const close of closers.reverse()) await close()
    await network?.stop()
    await front?.close()
    await service?.stop()
    await directory?.remove()
  })

  async function startAgent(): Promise<PeerProcess> {
    const made = await service.call('POST', '/v1/keys', { body: { name: 'agent', scopes: ['vantage:branch'] } })
    const options = ['--server', server, '--vantage', 'branch', '--ca', front.authority.caPath]
    const argv = ['netns', 'exec', network.namespaces.client, process.execPath, ...program, ...options]
    const agent = await spawnPeer('ip', [...argv, '--spool', join(directory.path, 'spool')], {
      env: { PATH: process.env.PATH, PORTWARDEN_AGENT_KEY: made.body.key, PORTWARDEN_PROBE_TIMEOUT_MS: '1000' },
      ready: /probes from branch/,
    })
    closers.push(agent.end)
    return agent
  }

  const link = (state: 'up' | 'down') => network.exec('client', ['ip', 'link', 'set', 'peer0', state])
  const jobsOf = (auditId: string) =>
    service.query(
      `SELECT name, state FROM pgboss.job WHERE name LIKE '%/branch' AND data->>'auditId' = '${auditId}' ORDER BY name DESC`,
    )

  test('in the middle of a batch finishes it, keeps it, and delivers it once when it is back', async () => {
    const closedElsewhere = ports.rules
      .filter(({ id }) => id === 'must-be-unreachable')
      .map((rule) => ({ ...rule, port: slowPort, from: ['elsewhere'] }))
    await service.stores.policies.put({ name: 'closed', title: 'Closed', rules: closedElsewhere })
    const agent = await startAgent()
    const auditId = await service.accept({ policy: 'closed' })
    await agent.logged(/"leased"/)
    await link('down')
    const cutOffFor = pause(inFull(60_000, 0))
    await agent.logged(/"observations stored"/)
    await agent.logged(/not reachable; the delivery stays in the spool/)
    // Its heartbeats are missing meanwhile, and its waiting request takes the batch once more, in vain.
    const [lost, again] = [
      { name: 'batch/branch', state: 'failed' },
      { name: 'batch-again/branch', state: 'retry' },
    ]
    await expect.poll(() => jobsOf(auditId)).toEqual([lost, again])
    await cutOffFor
    await link('up')
    expect(await service.ended(auditId)).toMatchObject({ status: 'completed', verdict: 'pass', counts: { pass: 1 } })
    await agent.logged(/"recorded":true/)
    await agent.end()
    expect(await service.findings(auditId)).toMatchObject([{ vantage: 'branch', state: 'filtered', result: 'pass' }])
    expect(agent.log().match(/"leased"/g)).toHaveLength(1)
    expect(agent.log().match(/"delivered"/g)).toHaveLength(1)
    expect(await jobsOf(auditId)).toEqual([lost, { ...again, state: 'completed' }])
  }, 180_000)
})
