import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PolicyDocument, PolicyRule } from '../../src/domain/policy/policy.ts'
import { portwarden } from '../support/commands.ts'
import { bridgeInto } from '../support/namespace-bridge.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { type Network, startNetwork } from '../support/peers/netns.ts'
import { mustRun, spawnPeer } from '../support/processes.ts'
import { listenForProofs } from '../support/proofs.ts'
import { startService, type TestService } from '../support/service.ts'
import { makeTempDir } from '../support/temp-dir.ts'
import { startTlsFront } from '../support/tls-front.ts'

const agentProgram = portwarden('agent')

/** A host of its own on the link, so that its firewall does not cut off the agent. */
const address = '192.0.2.3'
const closed = { state: ['closed', 'filtered'] }
const rule = (id: string, more: Partial<PolicyRule>): PolicyRule => ({
  ...{ id, title: id, severity: 'high', direction: 'inbound', from: ['support'], probe: 'tcp', port: 22 },
  expect: closed,
  ...more,
})
const policy: PolicyDocument = {
  name: 'silence',
  title: 'Silence',
  rules: [
    rule('ssh', { insideWindow: { expect: { state: ['open'] } } }),
    rule('ssh-proven', { expect: { ...closed, hostAnswered: true } }),
    // No vantage is in this zone: the port is a companion of the others.
    rule('web', { from: ['client'], port: 443, expect: { state: ['open'] } }),
  ],
}

describeWithPeers(['netns', 'openssl'], 'a silent port, seen by an agent', () => {
  let service: TestService
  let network: Network
  let proofs: Awaited<ReturnType<typeof listenForProofs>>
  const closers: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    service = await startService({ env: { PORTWARDEN_VANTAGE: 'unused', PORTWARDEN_ZONES: 'unused' } })
    closers.push(service.stop)
    proofs = await listenForProofs(service)
    closers.push(proofs.stop)
    network = await startNetwork()
    closers.push(network.stop)
    const { client, target } = network.namespaces
    await mustRun('ip', ['-n', target, 'addr', 'add', `${address}/24`, 'dev', 'peer0'])
    const listener = `require('node:net').createServer().listen(443, '0.0.0.0', () => console.log('up'))`
    await once(network.spawn('target', [process.execPath, '-e', listener]).stdout as NodeJS.ReadableStream, 'data')
    const front = await startTlsFront(await service.listen())
    closers.push(front.close)
    const bridge = await bridgeInto(network, front)
    closers.push(bridge.stop)
    const spool = await makeTempDir('silent-host')
    closers.push(spool.remove)
    await service.call('PUT', '/v1/vantages/helpdesk', { body: { zones: ['support'] } })
    const key = (await service.call('POST', '/v1/keys', { body: { name: 'a', scopes: ['vantage:helpdesk'] } })).body.key
    const argv = [...agentProgram, '--vantage', 'helpdesk', '--spool', spool.path, '--ca', front.authority.caPath]
    const server = ['--server', `https://${bridge.host}:${bridge.port}`]
    const agent = await spawnPeer('ip', ['netns', 'exec', client, process.execPath, ...argv, ...server], {
      env: {
        PATH: process.env.PATH,
        PORTWARDEN_AGENT_KEY: key,
        PORTWARDEN_ALLOW: '192.0.2.0/24',
        PORTWARDEN_PROBE_TIMEOUT_MS: '1000',
      },
      ready: /probes from helpdesk/,
    })
    closers.push(agent.end)
    await service.stores.policies.put(policy)
    await service.stores.targets.save([{ name: 'epp', address }])
  })
  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })

  /** Replaces the rules of the host's firewall. */
  const dropOnly = (match: string) =>
    network.nft(`table inet silence { chain input { type filter hook input priority 0; policy accept; }; }
      flush chain inet silence input
      add rule inet silence input ip daddr ${address} ${match} drop`)
  const setAddress = (how: 'add' | 'del') =>
    mustRun('ip', ['-n', network.namespaces.target, 'addr', how, `${address}/24`, 'dev', 'peer0'])
  /** For longer than the neighbour cache of the vantage remembers it. */
  const switchOff = async () => {
    await setAddress('del')
    await mustRun('ip', ['-n', network.namespaces.client, 'neigh', 'flush', 'to', address])
  }
  const switchOn = () => setAddress('add')

  const audit = async () => {
    const auditId = await service.accept({ policy: policy.name, targets: ['epp'] })
    await service.ended(auditId)
    return auditId
  }
  /** The findings of the vantage, by rule. */
  const foundBy = async (auditId: string) => {
    const { items } = (await service.call('GET', `/v1/audits/${auditId}/findings?vantage=helpdesk`)).body
    const rows = items.map(({ rule: id, result, state, reason, evidence }: Row) => [
      id,
      { result, state, reason: reason.code, hostAnswered: evidence.addresses[address]?.hostAnswered },
    ])
    return Object.fromEntries(rows)
  }
  type Row = {
    rule: string
    result: string
    state: string
    reason: { code: string; message: string }
    evidence: { addresses: Record<string, { hostAnswered?: boolean }> }
  }

  const responding = { result: 'pass', state: 'filtered', reason: 'as-expected', hostAnswered: true }
  const silent = { result: 'pass', state: 'filtered', reason: 'silence-accepted', hostAnswered: false }
  const absent = { result: 'unknown', state: 'unreachable', reason: 'host-unreachable', hostAnswered: undefined }

  test('is filtered by proof where the host responds on a port that the audit probes from nowhere', async () => {
    await dropOnly('tcp dport 22')
    const [first, second] = [await audit(), await audit()]
    expect(await foundBy(first)).toEqual({ ssh: responding, 'ssh-proven': responding })
    const { body } = await service.call('GET', `/v1/reports/drift?from=audit:${first}&to=audit:${second}`)
    expect(body.items).toEqual([])
  })

  test('is accepted, and no proof, where the firewall drops everything', async () => {
    await dropOnly('meta l4proto tcp')
    const [first, second] = [await audit(), await audit()]
    expect(await foundBy(first)).toEqual({
      ssh: silent,
      'ssh-proven': { ...silent, result: 'unknown', reason: 'host-silent' },
    })
    const { body } = await service.call('GET', `/v1/reports/drift?from=audit:${first}&to=audit:${second}`)
    expect(body.items).toEqual([])
  })

  test('is that of an unreachable host where it is switched off', async () => {
    await switchOff()
    expect(await foundBy(await audit())).toEqual({ ssh: absent, 'ssh-proven': absent })
    await switchOn()
  })

  test('closes a window only where the host responds on another port', async () => {
    await dropOnly('tcp dport 2222')
    const now = Date.now()
    const body = {
      ...{ policy: policy.name, rules: ['ssh'], targets: ['epp'], ticket: 'CHG1', reason: 'an update' },
      ...{ from: new Date(now).toISOString(), to: new Date(now + 3_600_000).toISOString() },
    }
    const { id } = (await service.call('POST', '/v1/windows', { body })).body
    const scopes = ['windows:approve']
    const approver = (await service.call('POST', '/v1/keys', { body: { name: 'approver', scopes } })).body.key
    await service.call('POST', `/v1/windows/${id}/approve`, { key: approver })
    const reprobed = async (count: number) => {
      expect(await proofs.hurry(id)).toHaveLength(1)
      const { proof, reprobeAuditId } = await proofs.proven(id, count)
      const { state } = (await service.call('GET', `/v1/windows/${id}`)).body
      return { state, proof, ...(await foundBy(reprobeAuditId ?? '')) }
    }

    await switchOff()
    await service.query(`UPDATE access_window SET to_at = now() WHERE id = '${id}'`)
    expect(await reprobed(1)).toEqual({ state: 'ended', proof: 'unproven', ssh: absent })

    await dropOnly('meta l4proto tcp')
    await switchOn()
    expect(await reprobed(2)).toEqual({ state: 'ended', proof: 'unproven', ssh: silent })

    await dropOnly('tcp dport 22')
    expect(await reprobed(3)).toEqual({ state: 'closed', proof: 'closed', ssh: responding })
  })
})
