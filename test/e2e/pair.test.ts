import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PolicyDocument } from '../../src/domain/policy/policy.ts'
import { listenSilently } from '../support/app.ts'
import { portwarden } from '../support/commands.ts'
import type { Listening } from '../support/listen.ts'
import { bridgeInto } from '../support/namespace-bridge.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { startNetwork } from '../support/peers/netns.ts'
import { spawnPeer } from '../support/processes.ts'
import { startService, type TestService } from '../support/service.ts'
import { makeTempDir } from '../support/temp-dir.ts'
import { startTlsFront } from '../support/tls-front.ts'

const program = portwarden('agent')

const pairOf = (
  name: string,
  port: number,
  expectations: [object, object] = [{}, { state: ['closed'] }],
): PolicyDocument => ({
  name,
  title: name,
  rules: [
    {
      ...{ id: 'inside-only', title: 'Inside only', severity: 'high', direction: 'inbound', from: ['client'] },
      ...{ probe: 'tcp', port, expect: { ...expectations[0] } },
      unlike: { from: ['untrusted'], expect: { ...expectations[1] } },
    },
  ],
})

describeWithPeers(['netns', 'openssl'], 'a paired rule over two vantages', () => {
  let service: TestService
  let target: Listening
  const closers: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    service = await startService()
    closers.push(service.stop)
    target = await listenSilently()
    closers.push(target.close)
    await service.call('PUT', '/v1/vantages/stranger', { body: { zones: ['untrusted'] } })
  })
  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })

  const audit = async (policy: PolicyDocument) => {
    await service.stores.policies.put(policy)
    const auditId = await service.accept({ policy: policy.name })
    return { audit: await service.ended(auditId), findings: await service.findings(auditId), auditId }
  }

  test('is unknown when the other vantage is absent until the deadline, though this one saw what it should', async () => {
    await service.stores.policies.put(pairOf('half', target.port))
    const auditId = await service.accept({ policy: 'half' })
    const recorded = `SELECT FROM batch WHERE audit_id = '${auditId}' AND paired_observations IS NOT NULL`
    await expect.poll(() => service.query(recorded)).toHaveLength(1)
    await service.query(`UPDATE audit SET deadline_at = now() WHERE id = '${auditId}'`)
    expect(await service.ended(auditId)).toMatchObject({
      ...{ status: 'completed', verdict: 'inconclusive', progress: { done: 1, total: 1 } },
    })
    expect(await service.findings(auditId)).toMatchObject([
      { vantage: 'local', result: 'unknown', reason: { code: 'pair-incomplete' }, evidence: { port: target.port } },
    ])
  })

  test('is unknown where the other zone has no vantage', async () => {
    const policy = pairOf('lonely', target.port)
    for (const rule of policy.rules) rule.unlike = { from: ['mars'], expect: { state: ['closed'] } }
    const { findings } = await audit(policy)
    expect(findings).toMatchObject([{ vantage: 'local', result: 'unknown', reason: { code: 'pair-incomplete' } }])
  })

  test('is one finding, judged on what both saw', async () => {
    const network = await startNetwork()
    closers.push(network.stop)
    const front = await startTlsFront(await service.listen())
    closers.push(front.close)
    const bridge = await bridgeInto(network, front)
    closers.push(bridge.stop)
    const spool = await makeTempDir('pair')
    closers.push(spool.remove)
    const key = (await service.call('POST', '/v1/keys', { body: { name: 'a', scopes: ['vantage:stranger'] } })).body.key
    const options = ['--server', `https://${bridge.host}:${bridge.port}`, '--ca', front.authority.caPath]
    const argv = [...program, '--vantage', 'stranger', '--spool', spool.path, ...options]
    const agent = await spawnPeer('ip', ['netns', 'exec', network.namespaces.client, process.execPath, ...argv], {
      env: { PATH: process.env.PATH, PORTWARDEN_AGENT_KEY: key },
      ready: /probes from stranger/,
    })
    closers.push(agent.end)

    // The agent's own loopback has no listener at that port.
    const closed = await audit(pairOf('closed', target.port))
    expect(closed.audit).toMatchObject({ verdict: 'pass', progress: { done: 1, total: 1 } })
    expect(closed.findings).toMatchObject([
      {
        ...{ vantage: 'local', result: 'pass', state: 'open', attempts: 2 },
        evidence: {
          addresses: { '127.0.0.1': { state: 'open' } },
          unlike: { stranger: { '127.0.0.1': { state: 'closed' } } },
        },
      },
    ])
    const rows = await service.query<{ paired_observations: unknown; pairs: unknown }>(
      `SELECT b.paired_observations, a.pairs FROM batch b JOIN audit a ON a.id = b.audit_id WHERE a.id = '${closed.auditId}'`,
    )
    expect(rows).toEqual([
      { paired_observations: null, pairs: null },
      { paired_observations: null, pairs: null },
    ])

    const violated = await audit(pairOf('violated', target.port, [{}, { state: ['open'] }]))
    expect(violated.findings).toMatchObject([
      { vantage: 'local', result: 'fail', state: 'closed', reason: { code: 'connection-refused' } },
    ])
  })
})
