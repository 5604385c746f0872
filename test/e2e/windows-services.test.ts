import { expect, test } from 'vitest'
import { describeWithPeers } from '../support/peers/available.ts'
import { startMssql } from '../support/peers/mssql.ts'
import { startSmbd } from '../support/peers/smbd.ts'
import { startXrdp } from '../support/peers/xrdp.ts'
import { startService } from '../support/service.ts'

/** What a Windows server offers, judged through the service. */
const policy = `
name: windows-services
title: Windows services
parameters:
  fileServer: { type: host, required: true }
  rdpPort: { type: port, required: true }
  sqlPort: { type: port, required: true }
  ca: { type: pem }
rules:
  - { id: smb, title: SMB, severity: high, direction: inbound, from: [client], probe: smb, host: "\${fileServer}",
      expect: { smb: { minDialect: SMB3.0, refuses: [SMB1], signing: required, encryption: supported } } }
  - { id: rdp-tls, title: RDP, severity: high, direction: inbound, from: [client], probe: rdp, port: "\${rdpPort}",
      expect: { rdp: { refuses: [standard] }, tls: { trusted: true, trustedCa: "\${ca}", refuses: [TLSv1.1] } } }
  - { id: rdp-nla, title: NLA, severity: high, direction: inbound, from: [client], probe: rdp, port: "\${rdpPort}",
      expect: { rdp: { nla: required } } }
  - { id: sql, title: SQL Server, severity: high, direction: inbound, from: [client], probe: mssql, port: "\${sqlPort}",
      expect: { mssql: { encryption: required }, tls: { trusted: true, trustedCa: "\${ca}", minVersion: TLSv1.2 } } }
`

describeWithPeers(['smbd', 'xrdp'], 'a policy for Windows services', () => {
  test('is judged on what each of them shows', async () => {
    await using smbd = await startSmbd({ signing: 'mandatory' })
    await using xrdp = await startXrdp({ securityLayer: 'tls' })
    await using mssql = await startMssql({ encryption: 'required' })
    const service = await startService()
    try {
      const headers = { 'content-type': 'application/yaml' }
      const put = await service.call('PUT', '/v1/policies/windows-services', { body: policy, headers })
      expect(put).toMatchObject({ status: 201 })
      const params = { fileServer: smbd.host, rdpPort: xrdp.port, sqlPort: mssql.port, ca: mssql.ca }
      const targets = [{ name: 'win-01', address: '127.0.0.1', params }]
      const auditId = await service.accept({ policy: 'windows-services', targets })
      expect((await service.ended(auditId)).verdict).toBe('fail')
      const findings = await service.findings(auditId)
      expect(Object.fromEntries(findings.map(({ rule, result, reason }) => [rule, [result, reason.code]]))).toEqual({
        smb: ['pass', 'as-expected'],
        'rdp-tls': ['pass', 'as-expected'],
        'rdp-nla': ['fail', 'rdp-nla-not-required'],
        sql: ['pass', 'as-expected'],
      })
      const facts = findings.find(({ rule }) => rule === 'sql')?.evidence?.addresses['127.0.0.1']?.facts
      expect(facts).toMatchObject({ trusted: true, mssql: { version: '16.0.1000.6', encryption: 'required' } })
    } finally {
      await service.stop()
    }
  })
})
