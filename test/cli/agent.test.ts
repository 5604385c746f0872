import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { portwarden } from '../support/commands.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import type { Listening } from '../support/listen.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { freePort } from '../support/ports.ts'
import { type PeerProcess, run, spawnPeer } from '../support/processes.ts'
import { startService, type TestService } from '../support/service.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'
import { startTlsFront, type TlsFront } from '../support/tls-front.ts'

const program = portwarden('agent')

describe('the agent does not start', () => {
  const start = (argv: string[], env: Record<string, string> = {}) =>
    run(process.execPath, [...program, ...argv], { env: { PATH: process.env.PATH, ...env } })

  test.each([
    ['without a server', ['--vantage', 'x'], "required option '--server <url>' not specified"],
    ['without a vantage', ['--server', 'https://pw.example'], "required option '--vantage <name>' not specified"],
    [
      'where the key would be sent in clear',
      ['--server', 'http://pw.example', '--vantage', 'x'],
      'must begin with https',
    ],
    [
      'with a password in the URL',
      ['--server', 'https://a:b@pw.example', '--vantage', 'x'],
      'must not hold a password',
    ],
    ['without a key', ['--server', 'https://pw.example', '--vantage', 'x'], 'PORTWARDEN_AGENT_KEY is not valid'],
    [
      'with a key as an argument',
      ['--server', 'https://pw.example', '--vantage', 'x', '--key', 'pw_x'],
      "unknown option '--key'",
    ],
  ])('%s', async (_, argv, message) => {
    const { code, stderr } = await start(argv)
    expect(code).toBe(message.startsWith('PORTWARDEN_') ? 2 : 64)
    expect(stderr).toContain(message)
    expect(stderr).not.toMatch(/a:b|pw_x/)
  })
})

describeWithPeers(['openssl'], 'an agent', () => {
  let service: TestService
  let front: TlsFront
  let target: Listening
  let directory: TempDir
  let params: Record<string, number>
  const agents: PeerProcess[] = []

  beforeAll(async () => {
    service = await startService()
    front = await startTlsFront(await service.listen())
    target = await listenSilently()
    params = { openPort: target.port, closedPort: await freePort() }
    directory = await makeTempDir('agent')
    await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['elsewhere'] } })
  })
  afterAll(async () => {
    for (const agent of agents) await agent.end()
    await front?.close()
    await target?.close()
    await service?.stop()
    await directory?.remove()
  })

  const keyFor = async (...scopes: string[]): Promise<string> =>
    (await service.call('POST', '/v1/keys', { body: { name: 'agent', scopes } })).body.key

  async function startAgent(key: string, argv: string[], env: Record<string, string> = {}): Promise<PeerProcess> {
    const spool = join(directory.path, String(agents.length))
    const all = [...program, '--vantage', 'branch', '--spool', spool, ...argv]
    const agent = await spawnPeer(process.execPath, all, {
      env: { PATH: process.env.PATH, PORTWARDEN_AGENT_KEY: key, PORTWARDEN_PROBE_TIMEOUT_MS: '1000', ...env },
      ready: /probes from branch/,
    })
    agents.push(agent)
    return agent
  }

  const seenElsewhere = async (auditId: string) =>
    (await service.findings(auditId)).filter(({ rule }) => rule === 'from-elsewhere')

  test('probes and delivers over HTTPS with a private authority; the server judges', async () => {
    const key = await keyFor('vantage:branch')
    const agent = await startAgent(key, ['--server', front.url, '--ca', front.authority.caPath])
    const auditId = await service.accept({ params })
    expect(await service.ended(auditId)).toMatchObject({ status: 'completed', verdict: 'pass' })
    const [finding] = await seenElsewhere(auditId)
    expect(finding).toMatchObject({ vantage: 'branch', result: 'pass', state: 'open', attempts: 1 })
    expect(finding?.evidence).toMatchObject({ probe: 'tcp', port: target.port })
    const { body } = await service.call('GET', '/v1/vantages/branch')
    expect(body).toMatchObject({ kind: 'agent', absent: false, canary: 'none', queueDepth: { waiting: 0 } })
    expect(body.version).toMatch(/^\d/)
    await agent.logged(/"recorded":true/)
    await expect.poll(() => readdir(join(directory.path, '0'))).toEqual([]) // after the log line
    expect(agent.log()).not.toContain(key)
    process.kill(agent.pid, 'SIGHUP') // of a rotation of logs, or a terminal that closes
    await agent.logged(/nothing to reload/)
    await agent.end()
    expect(agent.log()).toContain('stopping')
  })

  test('works through a proxy, which sees nothing of what is sent', async () => {
    const proxy = await startConnectProxy()
    const key = await keyFor('vantage:branch')
    const agent = await startAgent(key, ['--server', front.url, '--ca', front.authority.caPath], {
      HTTPS_PROXY: proxy.url,
    })
    const auditId = await service.accept({ params })
    expect(await service.ended(auditId)).toMatchObject({ verdict: 'pass' })
    expect(new Set(proxy.targets)).toEqual(new Set([`127.0.0.1:${front.port}`]))
    expect(proxy.sent().length).toBeGreaterThan(500)
    expect(proxy.sent().includes(key)).toBe(false)
    await agent.end()
    await proxy.stop()
  })

  test('trusts no server that its authority does not vouch for', async () => {
    const agent = await startAgent(await keyFor('vantage:branch'), ['--server', front.url], {
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
    })
    await agent.logged(/the server is not reachable/)
    expect(agent.log()).toMatch(/certificate/)
    await agent.end()
  })

  test('gets nothing with the key of another vantage', async () => {
    const agent = await startAgent(await keyFor('vantage:other'), [
      ...['--server', front.url, '--ca', front.authority.caPath],
    ])
    await agent.logged(/"status":403.*the server leases nothing/)
    await agent.end()
  })

  test('applies its own egress policy to every lease', async () => {
    const agent = await startAgent(
      await keyFor('vantage:branch'),
      ['--server', front.url, '--ca', front.authority.caPath],
      { PORTWARDEN_ALLOW: '192.0.2.0/24' },
    )
    const auditId = await service.accept({ params })
    await service.ended(auditId)
    expect(await seenElsewhere(auditId)).toMatchObject([{ result: 'error', reason: { code: 'egress-denied' } }])
    await agent.end()
  })

  test('never probes its own server, even when it is allowed', async () => {
    const agent = await startAgent(
      await keyFor('vantage:branch'),
      ['--server', front.url, '--ca', front.authority.caPath],
      { PORTWARDEN_ALLOW: '127.0.0.0/8' },
    )
    const auditId = await service.accept({ params: { ...params, openPort: front.port } })
    await service.ended(auditId)
    expect(await seenElsewhere(auditId)).toMatchObject([{ result: 'error', reason: { code: 'egress-denied' } }])
    await agent.end()
  })
})
