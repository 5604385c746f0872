import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { portwarden } from '../support/commands.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { type Exim, startExim } from '../support/peers/exim.ts'
import { hostile, startHostile } from '../support/peers/hostile.ts'
import { type PeerProcess, spawnPeer } from '../support/processes.ts'
import { startService, type TestService } from '../support/service.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

const agentProgram = portwarden('agent')

/** A mail relay must offer STARTTLS with a certificate that is in order, seen from the service and from an agent. */
const policy = `
name: mail-relays
title: Mail relays
parameters:
  smtpPort: { type: port, default: 25 }
  ca: { type: pem }
rules:
  - id: relay-starttls
    title: The relay offers STARTTLS with a trusted certificate
    severity: high
    direction: inbound
    from: [client, site]
    probe: smtp
    port: \${smtpPort}
    expect:
      smtp: { speaks: true, startTls: offered }
      tls: { minVersion: TLSv1.2, trusted: true, trustedCa: "\${ca}", nameMatches: true, minDaysLeft: 14 }
`

describeWithPeers(['exim'], 'a policy for mail relays', () => {
  let service: TestService
  let exim: Exim
  let directory: TempDir
  let agent: PeerProcess

  beforeAll(async () => {
    service = await startService()
    exim = await startExim()
    directory = await makeTempDir('agent-smtp')
    await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['site'] } })
    const made = await service.call('POST', '/v1/keys', { body: { name: 'agent', scopes: ['vantage:branch'] } })
    const options = [
      '--server',
      await service.listen(),
      '--vantage',
      'branch',
      '--spool',
      join(directory.path, 'spool'),
    ]
    agent = await spawnPeer(process.execPath, [...agentProgram, ...options], {
      env: { PATH: process.env.PATH, PORTWARDEN_AGENT_KEY: made.body.key },
      ready: /from branch/,
    })
    const put = await service.call('PUT', '/v1/policies/mail-relays', {
      body: policy,
      headers: { 'content-type': 'application/yaml' },
    })
    expect(put).toMatchObject({ status: 201 })
  })
  afterAll(async () => {
    await agent?.end()
    await exim?.stop()
    await service?.stop()
    await directory?.remove()
  })

  async function audit(params: Record<string, unknown>) {
    const targets = [{ name: 'relay-01', address: '127.0.0.1', params }]
    const auditId = await service.accept({ policy: 'mail-relays', targets })
    const ended = await service.ended(auditId)
    const findings = await service.findings(auditId)
    return { verdict: ended.verdict, findings: findings.sort((a, b) => a.vantage.localeCompare(b.vantage)) }
  }

  test('passes for a real server, with the same facts from the service and from an agent', async () => {
    const { verdict, findings } = await audit({ smtpPort: exim.port, ca: exim.ca })
    expect(verdict).toBe('pass')
    expect(findings.map(({ vantage }) => vantage)).toEqual(['branch', 'local'])
    const [fromAgent, fromService] = findings.map(({ evidence }) => evidence?.addresses['127.0.0.1']?.facts)
    expect(fromAgent).toMatchObject({ trusted: true, smtp: { startTls: { offered: true, replyCode: 220 } } })
    expect(fromAgent).toEqual(fromService)
  })

  test('fails where the certificate is not trusted, and where nothing offers STARTTLS', async () => {
    const untrusted = await audit({ smtpPort: exim.port })
    expect(untrusted.findings.map(({ reason }) => reason.code)).toEqual([
      'certificate-untrusted',
      'certificate-untrusted',
    ])
    await using plain = await startExim({ tls: false })
    const { verdict, findings } = await audit({ smtpPort: plain.port, ca: plain.ca })
    expect(verdict).toBe('fail')
    expect(findings.map(({ reason }) => reason.code)).toEqual(Array(2).fill('smtp-starttls-not-offered'))
  })

  test('fails at another service on the port, with what it spoke', async () => {
    await using ssh = await startHostile(hostile.ssh)
    const { findings } = await audit({ smtpPort: ssh.port, ca: exim.ca })
    expect(findings.map(({ result, reason }) => [result, reason.code])).toEqual([
      ['fail', 'protocol-mismatch'],
      ['fail', 'protocol-mismatch'],
    ])
    expect(findings[0]?.evidence?.addresses['127.0.0.1']?.facts).toEqual({ spoke: 'ssh' })
  })
})
