import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PolicyDocument } from '../../../src/domain/policy/policy.ts'
import { startService, type TestService } from '../../support/service.ts'

const [own, controller, router] = ['10.9.0.1', '10.9.0.2', '10.1.0.1']
const rule = (id: string, host?: string) => ({
  ...{ id, title: id, severity: 'high', direction: 'inbound', from: ['branch'], probe: 'tcp', port: 389 },
  ...(host !== undefined && { host }),
  expect: { state: ['open'] },
})
// Both rules are about one port of one target, at different hosts.
const policy = { name: 'hosts', title: 'Hosts', rules: [rule('own'), rule('controller', controller)] } as PolicyDocument

let service: TestService
beforeAll(async () => {
  service = await startService({ env: { PORTWARDEN_VANTAGE: 'unused', PORTWARDEN_ZONES: 'unused' } })
  await service.stores.policies.put(policy)
  await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['branch'] } })
})
afterAll(() => service.stop())

const open = { state: 'open', reason: 'tcp-connected' }
const rejected = { state: 'filtered', reason: 'icmp-prohibited', rejectedBy: router }
const vantage = '/v1/vantages/branch'

/** Audits both hosts, which are as the agent says. */
async function audit(seen: object): Promise<string> {
  const auditId = await service.accept({ policy: policy.name, targets: [{ name: 'epp', address: own }] })
  const { body: lease } = await service.call('POST', `${vantage}/leases`, { body: { waitSeconds: 20 } })
  const observations = lease.checks.map(({ host }: { host: string }, check: number) => ({
    check,
    observedAt: new Date().toISOString(),
    addressResults: [{ address: host, ...seen, facts: {}, latencyMs: 1, attempts: 1 }],
  }))
  const body = { online: true, observations }
  const delivered = await service.call('POST', `${vantage}/leases/${lease.id}/observations`, { body })
  expect(delivered.body).toEqual({ recorded: true, refused: [] })
  await service.ended(auditId)
  return auditId
}

/** Makes the trace that waits, as an agent; returns the address that it traced. */
async function makeTrace(code: number): Promise<string> {
  const { body: lease } = await service.call('POST', `${vantage}/traces`, { body: { waitSeconds: 20 } })
  const rejectedBy = { address: router, type: 3, code }
  const hops = [{ hop: 1, address: router, ms: 1, others: [] }]
  const path = { port: 389, outcome: 'rejected', endHop: 2, rejectedBy, hops, loops: false }
  const body = { address: lease.host, path, comparison: null }
  expect((await service.call('POST', `${vantage}/traces/${lease.id}`, { body })).status).toBe(204)
  return lease.host
}

const summaryOf = (what: string) => `Rejected by ${router} (ICMP ${what}); SYNs reach ${router}, hop 1 of at least 2.`
const prohibited = summaryOf('administratively prohibited')

// One story: the port is blocked, traced, and open again.
test('the path of a blocked port is shown with the findings of the host that was traced, and with no other', async () => {
  await audit(open)
  const blocked = await audit(rejected)
  const traced = await makeTrace(13)
  const { items } = (await service.call('GET', `/v1/audits/${blocked}/findings`)).body
  expect(items).toHaveLength(2)
  const details = async () => {
    const shown = new Map<string, string | undefined>()
    for (const { fingerprint } of items) {
      const { body } = await service.call('GET', `/v1/findings/${fingerprint}`)
      shown.set(body.current.evidence.host, body.trace?.summary)
    }
    return shown
  }
  for (const { evidence, trace } of items)
    expect(trace?.summary).toBe(evidence.host === traced ? prohibited : undefined)
  const other = traced === own ? controller : own
  expect(await details()).toEqual(
    new Map([
      [traced, prohibited],
      [other, undefined],
    ]),
  )

  // As long as the finding stays so, the newest trace of its port counts, also one on request.
  await audit(rejected)
  await service.call('POST', '/v1/traces', { body: { target: 'epp', port: 389, vantage: 'branch' } })
  expect(await makeTrace(9)).toBe(own)
  const newest = await details()
  expect(newest.get(own)).toBe(summaryOf('network administratively prohibited'))
  expect(newest.get(controller)).toBe(traced === controller ? prohibited : undefined)

  await audit(open)
  expect([...(await details()).values()]).toEqual([undefined, undefined])
})
