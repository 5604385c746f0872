import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { listenSilently } from '../support/app.ts'
import { portwarden } from '../support/commands.ts'
import { makeDataDir } from '../support/data-dir.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { startExim } from '../support/peers/exim.ts'
import { startHttps } from '../support/peers/https.ts'
import { startSshd } from '../support/peers/openssh.ts'
import { startSlapd } from '../support/peers/slapd.ts'
import { freePort } from '../support/ports.ts'
import { run, spawnPeer } from '../support/processes.ts'
import { runInProcess } from '../support/run-program.ts'
import { startService, type TestService } from '../support/service.ts'
import { makeTempDir } from '../support/temp-dir.ts'

const agentProgram = portwarden('agent')

describeWithPeers(['openssh', 'exim', 'slapd', 'openssl'], 'a policy that is proposed from what is open', () => {
  let service: TestService
  let ports: Record<'https' | 'ssh' | 'smtp' | 'ldap' | 'tcp', number>
  let closed: number
  let url: string
  const closers: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    service = await startService()
    closers.push(service.stop)
    const [https, sshd, exim, slapd, silent] = await Promise.all([
      startHttps(),
      startSshd(),
      startExim(),
      startSlapd(),
      listenSilently(),
    ])
    closers.push(https.stop, sshd.stop, exim.stop, slapd.stop, silent.close)
    closed = await freePort()
    ports = { https: https.port, ssh: sshd.port, smtp: exim.port, ldap: slapd.port, tcp: silent.port }
    await service.stores.targets.save([{ name: 'peer', address: '127.0.0.1' }])
    await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['site'] } })
    const made = await service.call('POST', '/v1/keys', { body: { name: 'agent', scopes: ['vantage:branch'] } })
    const spool = await makeTempDir('learning')
    closers.push(spool.remove)
    url = await service.listen()
    const options = ['--server', url, '--vantage', 'branch', '--spool', join(spool.path, 'spool')]
    const agent = await spawnPeer(process.execPath, [...agentProgram, ...options], {
      env: { PATH: process.env.PATH, PORTWARDEN_AGENT_KEY: made.body.key },
      ready: /from branch/,
    })
    closers.push(agent.end)
  })
  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })

  const allPorts = () => [...Object.values(ports), closed]
  const awaitEnd = async (id: string) => {
    for (;;) {
      const { body } = await service.call('GET', `/v1/proposals/${id}`, { headers: { prefer: 'wait=15' } })
      if (!['queued', 'running'].includes(body.status)) return body
    }
  }
  const rulesOf = (rules: { id: string; from: string[] }[]) => rules.map(({ id, from }) => `${id} ${from}`).toSorted()
  const expectedRules = (from: string) =>
    Object.entries(ports)
      .map(([form, port]) => `${form}-${port} ${from}`)
      .toSorted()

  test('recognizes each real server, from a worker and from an agent, and passes when it is audited', async () => {
    const { status, headers, body } = await service.call('POST', '/v1/policies/propose', {
      body: { targets: ['peer'], ports: allPorts() },
    })
    expect({ status, location: headers.location }).toEqual({ status: 202, location: `/v1/proposals/${body.id}` })
    const proposal = await awaitEnd(body.id)
    expect(proposal).toMatchObject({
      ...{ status: 'completed', targets: ['peer'], omitted: 0 },
      vantages: [
        { vantage: 'branch', status: 'completed', failure: null, open: 5, undecided: [] },
        { vantage: 'local', status: 'completed', failure: null, open: 5, undecided: [] },
      ],
    })
    expect(rulesOf(proposal.document.rules)).toEqual(expectedRules('client,site'))
    expect(parse(proposal.source)).toEqual(proposal.document)
    expect((await service.call('GET', '/v1/policies/proposed')).status).toBe(404)
    const put = await service.call('PUT', '/v1/policies/proposed', {
      body: proposal.source,
      headers: { 'content-type': 'application/yaml' },
    })
    expect(put.status).toBe(201)
    const auditId = await service.accept({ policy: 'proposed', targets: ['peer'] })
    const { verdict, counts } = await service.ended(auditId)
    expect({ verdict, counts }).toMatchObject({ verdict: 'pass', counts: { pass: 10, fail: 0, unknown: 0, error: 0 } })
  })

  describe('on the command line', () => {
    const propose = async (...more: string[]) =>
      runInProcess(['policy', 'propose', '127.0.0.1', '--server', url, '--vantage', 'local', ...more], {
        env: { PORTWARDEN_KEY: service.key },
      })

    test('is YAML that `policy validate -` accepts, and nothing else', async () => {
      const { code, stdout, stderr } = await propose('--ports', allPorts().join(','))
      expect({ code, stderr }).toEqual({ code: 0, stderr: 'portwarden: local: 5 open\n' })
      expect(rulesOf(parse(stdout).rules)).toEqual(expectedRules('client'))
      const validated = await runInProcess(['policy', 'validate', '-'], { stdin: stdout })
      expect(validated).toEqual({ code: 0, stdout: '-: valid\n', stderr: '' })
    })

    test('needs no service: it works with a database of its own', async () => {
      const dataDir = await makeDataDir()
      onTestFinished(dataDir.remove)
      const argv = [...portwarden('policy'), 'propose', '127.0.0.1', '--ports', String(ports.ssh)]
      const { code, stdout } = await run(process.execPath, argv, {
        env: { PATH: process.env.PATH, PORTWARDEN_DATA_DIR: dataDir.path },
      })
      expect({ code, rules: rulesOf(parse(stdout).rules) }).toEqual({ code: 0, rules: [`ssh-${ports.ssh} client`] })
    })

    test.each([
      ['of closed ports is an error that says so', () => String(closed), /none of these ports is open/],
      ['of what is no port is an error that names it', () => '443,http', /\/ports\/1: must be a port from 1 to 65535/],
    ])('%s', async (_, list, message) => {
      const { code, stdout, stderr } = await propose('--ports', list())
      expect([code, stdout]).toEqual([64, ''])
      expect(stderr).toMatch(message)
    })
  })
})
