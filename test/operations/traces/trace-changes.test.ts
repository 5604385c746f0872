import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PolicyDocument } from '../../../src/domain/policy/policy.ts'
import { startService, type TestService } from '../../support/service.ts'

const address = '10.9.0.1'
const rule = (id: string, port: number) => ({
  ...{ id, title: id, severity: 'high', direction: 'inbound', from: ['branch'], probe: 'tcp', port },
  expect: { state: ['open'] },
})
// Two rules of one port make one trace.
const policy = {
  name: 'traced',
  title: 'Traced',
  rules: [rule('ssh', 22), rule('web', 443), rule('also-ssh', 22)],
} as PolicyDocument

const open = { state: 'open', reason: 'tcp-connected' }
const reset = { state: 'closed', reason: 'connection-refused' }
const silent = { state: 'filtered', reason: 'no-response' }
const rejected = { state: 'filtered', reason: 'icmp-prohibited', rejectedBy: '10.1.0.1' }
const portUnreachable = { state: 'closed', reason: 'icmp-port-unreachable', rejectedBy: '10.1.0.1' }
const absent = { state: 'unreachable', reason: 'host-unreachable' }
const unknown = { state: 'unknown', reason: 'no-local-route' }

const services: TestService[] = []
let byDefault: TestService
let switchedOff: TestService
beforeAll(async () => {
  const start = async (env: NodeJS.ProcessEnv) => {
    const service = await startService({ env: { PORTWARDEN_VANTAGE: 'unused', PORTWARDEN_ZONES: 'unused', ...env } })
    services.push(service)
    await service.stores.policies.put(policy)
    await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['branch'] } })
    return service
  }
  byDefault = await start({})
  switchedOff = await start({ PORTWARDEN_TRACES: 'requests' })
})
afterAll(() => Promise.all(services.map(({ stop }) => stop())))

/** Audits a target, whose port 22 is as the agent says and whose port 443 is open; returns the traces of the audit. */
async function audit(service: TestService, target: string, seen: object) {
  const auditId = await service.accept({ policy: policy.name, targets: [{ name: target, address }] })
  const { body: lease } = await service.call('POST', '/v1/vantages/branch/leases', { body: { waitSeconds: 20 } })
  const observations = lease.checks.map(({ port }: { port: number }, check: number) => ({
    check,
    observedAt: new Date().toISOString(),
    addressResults: [{ address, ...(port === 22 ? seen : open), facts: {}, latencyMs: 1, attempts: 1 }],
  }))
  const delivered = await service.call('POST', `/v1/vantages/branch/leases/${lease.id}/observations`, {
    body: { online: true, observations },
  })
  expect(delivered.body).toEqual({ recorded: true, refused: [] })
  await service.ended(auditId)
  return { auditId, traces: async () => (await service.call('GET', `/v1/traces?audit=${auditId}`)).body.items }
}

test.for([
  ['open, then silent', [open, silent], 1],
  ['open, then rejected', [open, rejected], 1],
  ['open, then closed by ICMP', [open, portUnreachable], 1],
  ['reset, then closed by ICMP', [reset, portUnreachable], 1],
  ['absent, then silent', [absent, silent], 1],
  ['open, then unknown, then silent', [open, unknown, silent], 1],
  ['open, then reset', [open, reset], 0],
  ['silent from the start', [silent], 0],
  ['silent, then rejected', [silent, rejected], 0],
  ['silent, then unknown, then silent', [silent, unknown, silent], 0],
  ['closed by ICMP, then silent', [portUnreachable, silent], 0],
  ['silent, then open', [silent, open], 0],
] as const)('a port that is %s is traced as often as it is newly blocked', async ([target, states, count]) => {
  const name = target.replaceAll(/\W+/g, '-')
  let last: Awaited<ReturnType<typeof audit>> | undefined
  for (const seen of states) last = await audit(byDefault, name, seen)
  if (count > 0) await expect.poll(async () => (await last?.traces())?.length).toBe(count)
  // An audit of another target ends later, and so does what follows from its end.
  const marker = `${name}-marker`
  await audit(byDefault, marker, open)
  const later = await audit(byDefault, marker, silent)
  await expect.poll(async () => (await later.traces()).length).toBe(1)
  const traces = (await last?.traces()) ?? []
  expect(traces).toHaveLength(count)
  for (const trace of traces)
    expect(trace).toMatchObject({
      target: name,
      host: address,
      port: 22,
      vantage: 'branch',
      audit: last?.auditId,
      requestedBy: 'test',
    })
})

test('such a trace is compared with ports that audits found open, and with no others', async () => {
  await audit(byDefault, 'compared', open)
  const { auditId } = await audit(byDefault, 'compared', silent)
  const compare = () => byDefault.query(`SELECT compare FROM trace WHERE audit_id = '${auditId}'`)
  await expect.poll(compare).toEqual([{ compare: [443] }])
})

test('the setting switches them off', async () => {
  await audit(switchedOff, 'quiet', open)
  await audit(switchedOff, 'quiet', silent)
  await switchedOff.close() // waits for what follows from the end of audits
  expect(await switchedOff.query('SELECT FROM trace')).toEqual([])
})
