import { afterAll, beforeAll, expect, test } from 'vitest'
import { bindKeyOf } from '../../../../src/domain/seals.ts'
import type { BindClaim, BindDecision } from '../../../../src/domain/vantages/binds.ts'
import type { Lease } from '../../../../src/domain/vantages/lease.ts'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
const keys: Record<string, string> = {}
beforeAll(async () => {
  service = await startService({ env: { PORTWARDEN_VANTAGE: 'unused', PORTWARDEN_ZONES: 'unused' } })
  for (const name of ['north', 'south']) {
    await service.call('PUT', `/v1/vantages/${name}`, { body: { zones: ['server'] } })
    const made = await service.call('POST', '/v1/keys', { body: { name, scopes: [`vantage:${name}`] } })
    keys[name] = made.body.key
  }
})
afterAll(() => service?.stop())

const post = (vantage: string, path: string, body: object, key = keys[vantage]) =>
  service.call('POST', `/v1/vantages/${vantage}/leases${path}`, { key, body })

const audit = (vantages = ['north', 'south']) => {
  const params = { domainController: '127.0.0.1', ldapCredential: 'env:DIRECTORY' }
  const targets = [{ name: 'epp-01', address: '127.0.0.1', params }]
  return service.accept({ policy: 'netwrix-endpoint-protector', targets, vantages })
}

/** The lease of the batch with the bind; the other batch of the audit is leased, too. */
async function leaseOf(vantage: string, binds = true): Promise<Lease> {
  for (;;) {
    const { status, body } = await post(vantage, '', { waitSeconds: 20, binds })
    expect(status).toBe(200)
    if (body.bindSalt !== undefined) return body
  }
}

/** Digests of the account, and of its credential. */
let accounts = 0
const newClaim = (): BindClaim => ({
  key: bindKeyOf(service.stores.binds.salt()),
  accounts: [(++accounts).toString(16).padStart(64, '0')],
  credential: 'c'.repeat(64),
  ...{ host: 'dc1.lab.test', port: 389, waitMs: 0, leaseMs: 60_000 },
})
const claim = async (vantage: string, lease: Lease, body: BindClaim) => {
  const response = await post(vantage, `/${lease.id}/binds`, body)
  expect(response.status).toBe(200)
  return response.body as BindDecision & { id: string }
}
const settle = (vantage: string, lease: Lease, id: string, outcome: string, reason?: string) =>
  post(vantage, `/${lease.id}/binds/${id}`, { outcome, ...(reason && { reason }) })

test('an agent that does not ask before it binds gets no check with a credential', async () => {
  const auditId = await audit(['north'])
  const { body: lease } = await post('north', '', { waitSeconds: 20 })
  expect(lease).not.toHaveProperty('bindSalt')
  expect(JSON.stringify(lease.checks)).not.toContain('env:DIRECTORY')
  const addressResults = [
    { address: '127.0.0.1', state: 'closed', reason: 'connection-refused', facts: {}, latencyMs: 1, attempts: 1 },
  ]
  const observations = [{ check: 0, observedAt: new Date().toISOString(), addressResults }]
  await post('north', `/${lease.id}/observations`, { online: true, observations })
  await post('north', '', { waitSeconds: 0 })
  expect(await service.ended(auditId)).toMatchObject({ status: 'completed' })
  const findings = (await service.findings(auditId)).filter(({ rule }) => rule.startsWith('ad-ldap'))
  expect(findings.map(({ rule, result, reason }) => `${rule} ${result} ${reason.code}`)).toEqual([
    'ad-ldap fail connection-refused',
    'ad-ldap-bind error agent-outdated',
  ])
})

test('of claims at the same time one is permitted, and the others wait for its result', async () => {
  await audit()
  const [north, south] = [await leaseOf('north'), await leaseOf('south')]
  const one = newClaim()
  const decisions = await Promise.all(
    [1, 2, 3, 4].flatMap(() => [claim('north', north, one), claim('south', south, one)]),
  )
  const [permitted, ...more] = decisions.filter((decision) => decision.permitted)
  expect(more).toEqual([])
  const from = permitted === decisions.find((decision, i) => decision.permitted && i % 2 === 0) ? 'north' : 'south'
  const unsettled = decisions.find((decision) => !decision.permitted)
  expect(unsettled).toMatchObject({ reason: 'credential-unsettled', isRunning: true, withheld: { vantage: from } })

  const waiting = claim('south', south, { ...one, credential: 'd'.repeat(64), waitMs: 20_000 })
  const lease = from === 'north' ? north : south
  expect((await settle(from, lease, permitted?.id ?? '', 'refused', 'ldap-invalid-credentials')).status).toBe(204)
  expect(await waiting).toEqual({
    ...{ permitted: false, reason: 'credential-withheld', isRunning: false },
    withheld: { vantage: from, host: one.host, port: one.port, reason: 'ldap-invalid-credentials' },
  })
  expect((await settle(from, lease, permitted?.id ?? '', 'accepted')).status).toBe(404) // it has a result
})

test('a bind whose agent reports no result is made no second time', async () => {
  await audit()
  const [north, south] = [await leaseOf('north'), await leaseOf('south')]
  const one = { ...newClaim(), leaseMs: 200 }
  expect(await claim('north', north, one)).toMatchObject({ permitted: true })
  expect(await claim('south', south, { ...one, waitMs: 20_000 })).toMatchObject({
    ...{ permitted: false, reason: 'credential-unsettled', isRunning: false },
    withheld: { vantage: 'north' },
  })
})

test('after an accepted bind, or a permission that was given back, the account may bind again', async () => {
  await audit()
  const [north, south] = [await leaseOf('north'), await leaseOf('south')]
  const one = newClaim()
  for (const outcome of ['accepted', 'unsent']) {
    const { id } = await claim('north', north, one)
    expect((await settle('north', north, id, outcome)).status).toBe(204)
    const again = await claim('south', south, one)
    expect(again.permitted).toBe(true)
    await settle('south', south, again.id, 'accepted')
  }
})

test('an agent claims and settles binds of its own leases only, and none of an audit that has ended', async () => {
  const auditId = await audit(['north'])
  const lease = await leaseOf('north')
  const { id } = await claim('north', lease, newClaim())
  expect((await post('north', `/${lease.id}/binds`, newClaim(), keys.south)).status).toBe(403)
  expect((await post('south', `/${lease.id}/binds`, newClaim())).status).toBe(404)
  expect((await settle('south', lease, id, 'accepted')).status).toBe(404)
  expect((await post('north', `/${lease.id}/binds`, { ...newClaim(), accounts: ['a name'] })).status).toBe(400)
  await service.call('POST', `/v1/audits/${auditId}/cancel`, { body: {} })
  expect((await post('north', `/${lease.id}/binds`, newClaim())).status).toBe(409)
  expect((await settle('north', lease, id, 'accepted')).status).toBe(204)
})
