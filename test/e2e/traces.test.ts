import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PolicyDocument, PolicyRule } from '../../src/domain/policy/policy.ts'
import { portwarden } from '../support/commands.ts'
import { bridgeInto } from '../support/namespace-bridge.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { addresses, type RoutedNetwork, startRoutedNetwork } from '../support/peers/routed-netns.ts'
import { spawnPeer } from '../support/processes.ts'
import { startService, type TestService } from '../support/service.ts'
import { makeTempDir } from '../support/temp-dir.ts'

const agentProgram = portwarden('agent')
const [app, web] = [4_000, 4_001]
const { target: host, near, far } = addresses.IPv4
const rejected = `Rejected by ${far} (ICMP administratively prohibited); SYNs reach ${far}, hop 2 of 3.`

const rule = (id: string, port: number): PolicyRule => ({
  ...{ id, title: id, severity: 'high', direction: 'inbound', from: ['branch'], probe: 'tcp', port },
  expect: { state: ['open'] },
})
const policy: PolicyDocument = { name: 'traced', title: 'Traced', rules: [rule('app', app), rule('web', web)] }

describeWithPeers(['netns'], 'traces of an agent behind two routers', () => {
  let service: TestService
  let network: RoutedNetwork
  const closers: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    service = await startService({ env: { PORTWARDEN_VANTAGE: 'unused', PORTWARDEN_ZONES: 'unused' } })
    closers.push(service.stop)
    network = await startRoutedNetwork()
    closers.push(network.stop)
    const listeners = `for (const port of [${app}, ${web}])
      require('node:net').createServer().listen(port, '0.0.0.0', () => port === ${web} && console.log('up'))`
    await once(network.spawn('target', [process.execPath, '-e', listeners]).stdout as NodeJS.ReadableStream, 'data')
    const { port } = new URL(await service.listen())
    const bridge = await bridgeInto(
      { namespace: network.namespaces.client, address: '127.0.0.1' },
      { host: '127.0.0.1', port: Number(port) },
    )
    closers.push(bridge.stop)
    const spool = await makeTempDir('traces')
    closers.push(spool.remove)
    await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['branch'] } })
    const key = (await service.call('POST', '/v1/keys', { body: { name: 'a', scopes: ['vantage:branch'] } })).body.key
    const argv = [
      ...agentProgram,
      '--server',
      `http://${bridge.host}:${bridge.port}`,
      '--vantage',
      'branch',
      '--spool',
      spool.path,
    ]
    const agent = await spawnPeer('ip', ['netns', 'exec', network.namespaces.client, process.execPath, ...argv], {
      env: { PATH: process.env.PATH, PORTWARDEN_AGENT_KEY: key, PORTWARDEN_ALLOW: '10.0.0.0/8' },
      ready: /probes from branch/,
    })
    closers.push(agent.end)
    await service.stores.policies.put(policy)
    await service.stores.targets.save([{ name: 'epp', address: host }])
  })
  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })

  const audit = async () => {
    const auditId = await service.accept({ policy: policy.name, targets: ['epp'] })
    await service.ended(auditId)
    return auditId
  }
  const findings = async (auditId: string) => (await service.call('GET', `/v1/audits/${auditId}/findings`)).body.items
  const tracesOf = async (auditId: string) => (await service.call('GET', `/v1/traces?audit=${auditId}`)).body.items

  test('show in the finding of a newly blocked port who rejects it, once, and leave history alone', async () => {
    const open = await audit()
    await network.nft('far', `add rule inet peer forward tcp dport ${app} reject with icmpx type admin-prohibited`)
    const blocked = await audit()
    await expect.poll(async () => (await tracesOf(blocked))[0]?.status, { timeout: 30_000 }).toBe('completed')
    expect(await findings(blocked)).toMatchObject([
      {
        ...{ rule: 'app', state: 'filtered', reason: { code: 'icmp-prohibited' } },
        evidence: { addresses: { [host]: { rejectedBy: far } } },
        trace: { summary: `${rejected} Port ${web} is open at hop 3.` },
      },
      { rule: 'web', state: 'open' },
    ])
    expect((await tracesOf(blocked))[0]).toMatchObject({
      target: 'epp',
      host,
      port: app,
      vantage: 'branch',
      audit: blocked,
    })
    const again = await audit()
    expect([await tracesOf(open), (await tracesOf(blocked)).length, await tracesOf(again)]).toEqual([[], 1, []])
    const { body } = await service.call('GET', `/v1/reports/drift?from=audit:${blocked}&to=audit:${again}`)
    expect(body.items).toEqual([])
  })

  test('come on request, within the wait', async () => {
    const { status, body } = await service.call('POST', '/v1/traces', {
      body: { target: 'epp', port: web, vantage: 'branch' },
      headers: { prefer: 'wait=15' },
    })
    expect([status, body]).toMatchObject([
      200,
      {
        ...{ status: 'completed', summary: 'Open at hop 3.', failure: null },
        result: { address: host, path: { hops: [{ address: near }, { address: far }], distance: 3 }, comparison: null },
      },
    ])
  })

  test('fail with the reason of the egress policy of the agent', async () => {
    const { body } = await service.call('POST', '/v1/traces', {
      body: { host: '192.0.2.1', port: web, vantage: 'branch' },
      headers: { prefer: 'wait=15' },
    })
    expect(body).toMatchObject({ status: 'failed', summary: null, result: null, failure: { code: 'egress-denied' } })
  })
})
