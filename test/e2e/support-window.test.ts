import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeWithPeers } from '../support/peers/available.ts'
import { type Sshd, startSshd } from '../support/peers/openssh.ts'
import { listenForProofs } from '../support/proofs.ts'
import { startService, type TestService } from '../support/service.ts'

const policy = 'netwrix-endpoint-protector'
const windowMs = 3_600_000

describeWithPeers(['openssh'], 'an intervention of the support over SSH', () => {
  let service: TestService
  let sshd: Sshd
  let proofs: Awaited<ReturnType<typeof listenForProofs>>
  beforeAll(async () => {
    const env = { PORTWARDEN_VANTAGE: 'helpdesk', PORTWARDEN_ZONES: 'support' }
    ;[service, sshd] = await Promise.all([startService({ env }), startSshd()])
    proofs = await listenForProofs(service)
    const server = { name: 'epp', address: sshd.host, params: { sshPort: sshd.port } }
    await service.stores.targets.save([server])
  })
  afterAll(async () => {
    await proofs?.stop()
    await sshd?.stop()
    await service?.stop()
  })

  const keyOf = async (scope: string) =>
    (await service.call('POST', '/v1/keys', { body: { name: scope, scopes: [scope] } })).body.key
  /** The finding about the support's SSH in an audit that has ended. */
  const finding = async (auditId: string) =>
    (await service.call('GET', `/v1/audits/${auditId}/findings?rule=ssh-support`)).body.items[0]
  const audit = async () => {
    const auditId = await service.accept({ policy, targets: ['epp'] })
    await service.ended(auditId)
    return { auditId, ...(await finding(auditId)) }
  }

  test('is permitted inside its window, and its end is proven', async () => {
    const [requester, approver] = [await keyOf('audits:run'), await keyOf('windows:approve')]
    expect(await audit()).toMatchObject({ result: 'fail', state: 'open', window: null })

    const now = Date.now()
    const body = {
      ...{ policy, rules: ['ssh-support'], targets: ['epp'], ticket: 'CHG0030003', reason: 'the update fails' },
      ...{ from: new Date(now).toISOString(), to: new Date(now + windowMs).toISOString() },
    }
    const { id } = (await service.call('POST', '/v1/windows', { key: requester, body })).body
    expect((await service.call('POST', `/v1/windows/${id}/approve`, { key: requester })).status).toBe(403)
    expect(await audit()).toMatchObject({ result: 'fail', window: null }) // it is not approved
    const approved = await service.call('POST', `/v1/windows/${id}/approve`, { key: approver })
    expect(approved.body).toMatchObject({ state: 'open' })
    const inside = await audit()
    expect(inside).toMatchObject({ result: 'pass', state: 'open', window: id })
    const { hostKey } = inside.evidence.addresses[sshd.host].facts
    expect(Object.values(sshd.fingerprints)).toContain(hostKey.sha256)

    // Its time is over, and sshd is up.
    await service.query(`UPDATE access_window SET to_at = now() WHERE id = '${id}'`)
    expect(await proofs.hurry(id)).toHaveLength(1)
    const left = await proofs.proven(id)
    expect(left).toMatchObject({ proof: 'open', reprobes: 1 })
    expect((await service.call('GET', `/v1/windows/${id}`)).body.state).toBe('still-open')
    expect(await finding(left.reprobeAuditId ?? '')).toMatchObject({ result: 'fail', state: 'open', window: null })
    const pointsInTime = `from=audit:${inside.auditId}&to=audit:${left.reprobeAuditId}`
    const drift = await service.call('GET', `/v1/reports/drift?${pointsInTime}&rule=ssh-support`)
    expect(drift.body.items).toMatchObject([{ class: 'regressed', target: 'epp', vantage: 'helpdesk' }])

    // It is probed again, after a minute and after two; and now sshd is stopped.
    expect(await proofs.hurry(id)).toEqual([60])
    expect(await proofs.proven(id, 2)).toMatchObject({ proof: 'open', reprobes: 2 })
    await sshd.stop()
    expect(await proofs.hurry(id)).toEqual([120])
    const closed = await proofs.proven(id, 3)
    expect(closed).toMatchObject({ proof: 'closed', reprobes: 3 })
    expect((await service.call('GET', `/v1/windows/${id}`)).body.state).toBe('closed')
    expect(await finding(closed.reprobeAuditId ?? '')).toMatchObject({ result: 'pass', state: 'closed' })
  })
})
