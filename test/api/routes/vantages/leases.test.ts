import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Delivery, Lease } from '../../../../src/domain/vantages/lease.ts'
import { ports } from '../../../support/app.ts'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
let key: string
beforeAll(async () => {
  service = await startService({ env: { PORTWARDEN_VANTAGE: 'unused', PORTWARDEN_ZONES: 'unused' } })
  for (const name of ['branch', 'other']) await service.call('PUT', `/v1/vantages/${name}`, { body: { zones: [name] } })
  await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['client'] } })
  const made = await service.call('POST', '/v1/keys', { body: { name: 'agent', scopes: ['vantage:branch'] } })
  key = made.body.key
})
afterAll(() => service?.stop())

const leasesOf = (vantage: string) => `/v1/vantages/${vantage}/leases`
const lease = (waitSeconds = 20) => service.call('POST', leasesOf('branch'), { key, body: { waitSeconds } })

/** An audit with a lease of its only batch, which an agent got by waiting. */
async function leaseOne(): Promise<{ auditId: string; lease: Lease }> {
  const waiting = lease()
  const auditId = await service.accept({ params: { openPort: 1, closedPort: 2 } })
  const { status, body } = await waiting
  expect(status).toBe(200)
  return { auditId, lease: body }
}

const observation = (check: number, more: object = {}) => ({
  check,
  observedAt: new Date().toISOString(),
  addressResults: [
    { address: '127.0.0.1', state: 'open', reason: 'tcp-connected', facts: {}, latencyMs: 1, attempts: 1, ...more },
  ],
})
const deliver = (id: string, delivery: object, vantage = 'branch') =>
  service.call('POST', `${leasesOf(vantage)}/${id}/observations`, { key, body: delivery })
const whole = { online: true, observations: [observation(0), observation(1)] }

describe('a lease', () => {
  test('lists what to probe, and nothing of what is expected', async () => {
    const { auditId, lease } = await leaseOne()
    expect(lease.checks).toEqual([
      { probe: 'tcp', host: '127.0.0.1', port: 1, options: {} },
      { probe: 'tcp', host: '127.0.0.1', port: 2, options: {} },
    ])
    expect(Object.keys(lease).sort()).toEqual(['checks', 'heartbeatSeconds', 'id'])
    expect((await deliver(lease.id, whole)).body).toEqual({ recorded: true, refused: [] })
    expect(await service.ended(auditId)).toMatchObject({ verdict: 'fail', counts: { pass: 1, fail: 1 } })
  })

  test('names the companions of its checks for an agent that knows them, which delivers whether the host responded', async () => {
    const waiting = service.call('POST', leasesOf('branch'), { key, body: { waitSeconds: 20, companions: true } })
    const params = { openPort: 1, closedPort: 2 }
    const auditId = await service.accept({ targets: [{ name: 'quiet', address: '127.0.0.1', params }] })
    const { body: leased } = await waiting
    expect(leased.checks.map(({ companions }: { companions: number[] }) => companions)).toEqual([[2], [1]])
    const silent = { state: 'filtered', reason: 'no-response', hostAnswered: false }
    const [first, second] = [observation(0, silent), observation(1, silent)]
    expect((await deliver(leased.id, { online: true, observations: [first, second] })).body.refused).toEqual([])
    const found = (await service.findings(auditId)).map(({ reason, evidence }) => [reason.code, evidence?.addresses])
    const addresses = { '127.0.0.1': { ...silent, facts: {} } }
    expect(found).toEqual([
      ['no-response', addresses],
      ['silence-accepted', addresses],
      ['no-vantage-in-zone', undefined],
      ['condition-not-met', undefined],
    ])

    const demanding = ports.rules.map((rule) =>
      rule.id === 'must-be-unreachable' ? { ...rule, expect: { ...rule.expect, hostAnswered: true } } : rule,
    )
    const body = { document: { ...ports, rules: demanding }, targets: ['quiet'] }
    const { items } = (await service.call('POST', '/v1/policies/preview', { body })).body
    expect(items).toMatchObject([
      { rule: 'must-be-unreachable', before: 'pass', after: { result: 'unknown', reason: 'host-silent' } },
    ])
  })

  test('of an older agent has what its own observations show of a silent host', async () => {
    const { auditId, lease } = await leaseOne()
    const observations = [observation(0), observation(1, { state: 'filtered', reason: 'no-response' })]
    expect((await deliver(lease.id, { online: true, observations })).body).toEqual({ recorded: true, refused: [] })
    const [, silent] = await service.findings(auditId)
    expect(silent).toMatchObject({ result: 'pass', reason: { code: 'as-expected' } })
    expect(silent?.evidence?.addresses['127.0.0.1']).toMatchObject({ state: 'filtered', hostAnswered: true })
  })

  test('covers every family, and what a rule does not count is not recorded', async () => {
    const rules = [['ipv4'], ['ipv6'], undefined].map((families, i) => ({ ...ports.rules[0], id: `r${i}`, families }))
    await service.call('PUT', '/v1/policies/by-family', { body: { ...ports, name: 'by-family', rules } })
    const waiting = lease()
    const params = { openPort: 1, closedPort: 2 }
    const auditId = await service.accept({
      policy: 'by-family',
      targets: [{ name: 'named', address: 'a.test' }],
      params,
    })
    const { body: leased } = await waiting
    expect(leased.checks).toEqual(rules.map(() => ({ probe: 'tcp', host: 'a.test', port: 1, options: {} })))
    const { addressResults } = observation(0)
    const both = [
      ...addressResults,
      { ...addressResults[0], address: '::1', state: 'unknown', reason: 'egress-denied' },
    ]
    const observations = rules.map((_, i) => ({ ...observation(i), addressResults: both }))
    expect((await deliver(leased.id, { online: true, observations })).body).toEqual({ recorded: true, refused: [] })
    await service.ended(auditId)
    const found = (await service.findings(auditId)).map(({ result, reason, evidence }) => [
      `${result} ${reason.code}`,
      ...Object.keys(evidence?.addresses ?? {}).sort(),
    ])
    expect(found).toEqual([
      ['pass as-expected', '127.0.0.1'],
      ['error egress-denied', '::1'],
      ['pass addresses-left-out', '127.0.0.1', '::1'],
    ])
  })

  test('is none where no batch waits, and where the vantage is not known', async () => {
    expect((await lease(0)).status).toBe(204)
    expect((await service.call('POST', leasesOf('absent'), { body: { waitSeconds: 0 } })).status).toBe(404)
  })

  test('is kept alive while it lasts, and not after its end', async () => {
    const { auditId, lease } = await leaseOne()
    const beat = () => service.call('POST', `${leasesOf('branch')}/${lease.id}/heartbeat`, { key, body: {} })
    expect((await beat()).status).toBe(204)
    await service.call('POST', `/v1/audits/${auditId}/cancel`, { body: {} })
    expect((await beat()).status).toBe(409)
  })

  test('without a heartbeat for 10 seconds is over, and an agent that waits gets the batch at that time', async () => {
    const { auditId, lease: first } = await leaseOne()
    const [, job] = first.id.split('.')
    await service.query(`UPDATE pgboss.job SET heartbeat_on = now() - interval '8 s' WHERE id = '${job}'`)
    const [early, startedAt] = [await lease(1), performance.now()]
    const { status, body: second } = await lease(20)
    expect([early.status, status]).toEqual([204, 200])
    expect(performance.now() - startedAt).toBeLessThan(15_000) // not at the end of the wait
    expect(second.id.split('.')[0]).toBe(first.id.split('.')[0])
    expect(second.id).not.toBe(first.id)
    await deliver(second.id, whole)
    await service.ended(auditId)
  })

  test('of another vantage can be neither kept nor delivered', async () => {
    const { lease } = await leaseOne()
    const foreign = (await service.call('POST', '/v1/keys', { body: { name: 'x', scopes: ['vantage:other'] } })).body
      .key
    for (const [action, body] of [
      ['heartbeat', {}],
      ['observations', whole],
    ] as const) {
      const at = (vantage: string) => `${leasesOf(vantage)}/${lease.id}/${action}`
      expect((await service.call('POST', at('branch'), { key: foreign, body })).status).toBe(403)
      expect((await service.call('POST', at('other'), { key: foreign, body })).status).toBe(404)
    }
    expect((await deliver(lease.id, whole)).body).toEqual({ recorded: true, refused: [] })
  })
})

describe('a delivery', () => {
  test.each<[string, object[], string, number[]]>([
    ['a check that the lease does not hold', [observation(0), observation(7)], '/observations/1/check', [1]],
    ['a check twice', [observation(0), observation(0)], '/observations/1/check', [0, 1]],
    ['too few checks', [observation(0)], '/observations', [1]],
    [
      'facts of another probe',
      [observation(0, { facts: { protocol: 'TLSv1.3' } }), observation(1)],
      '/observations/0/addressResults/0/facts/protocol',
      [0],
    ],
    [
      'facts with control characters',
      [observation(0, { facts: { 'a\u202e\0': '\u001b[2J' } }), observation(1)],
      '/observations/0/addressResults/0/facts/a\\u202e\\u0000',
      [0],
    ],
    [
      'an address that is none',
      [observation(0, { address: 'localhost' }), observation(1)],
      '/observations/0/addressResults/0/address',
      [0],
    ],
    ['a result', [observation(0, { result: 'pass' }), observation(1)], '/observations/0/addressResults/0/result', [0]],
    [
      'a reason of a newer version',
      [observation(0, { reason: 'quic-ok' }), observation(1)],
      '/observations/0/addressResults/0/reason',
      [0],
    ],
    [
      'a reason that only the service gives',
      [observation(0, { reason: 'batch-failed' }), observation(1)],
      '/observations/0/addressResults/0/reason',
      [0],
    ],
    [
      'more facts than an observation may have',
      [observation(0, { facts: { cipher: 'x'.repeat(70_000) } }), observation(1)],
      '/observations/0/addressResults',
      [0],
    ],
    ['an observation that is none', [null as never, observation(1)], '/observations/0', [0]],
  ])('with %s loses these checks alone, as errors, and names the pointer', async (_, observations, pointer, lost) => {
    const { auditId, lease } = await leaseOne()
    const { status, body } = await deliver(lease.id, { online: true, observations })
    expect({ status, recorded: body.recorded }).toEqual({ status: 200, recorded: true })
    expect(body.refused.map((issue: { pointer: string }) => issue.pointer)).toContain(pointer)
    const findings = (await service.findings(auditId)).filter(({ vantage }) => vantage === 'branch')
    for (const [i, rule] of ['must-be-open', 'must-be-unreachable'].entries()) {
      const { result, reason } = findings.find((finding) => finding.rule === rule) ?? {}
      const isLost = result === 'error' && reason?.code === 'observation-refused'
      expect([rule, isLost]).toEqual([rule, lost.includes(i)])
    }
    expect((await service.ended(auditId)).status).toBe('completed')
  })

  test.each<[string, object, string]>([
    ['without observations', { online: true }, '/observations'],
    ['whose observations are no list', { online: true, observations: {} }, '/observations'],
    ['with unknown fields', { online: true, observations: [], more: 1 }, '/more'],
  ])('%s is refused whole', async (_, delivery, pointer) => {
    const { auditId, lease } = await leaseOne()
    const { status, body } = await deliver(lease.id, delivery)
    expect(status).toBe(400)
    expect(body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer)
    expect((await service.stores.audits.find(auditId))?.status).toBe('running')
    await deliver(lease.id, whole)
  })

  test('counts once, however often it comes', async () => {
    const { auditId, lease } = await leaseOne()
    const opposite = {
      online: true,
      observations: [0, 1].map((i) => observation(i, { state: 'closed', reason: 'connection-refused' })),
    }
    expect((await deliver(lease.id, whole)).body).toEqual({ recorded: true, refused: [] })
    const before = await service.findings(auditId)
    expect((await deliver(lease.id, opposite)).body).toEqual({ recorded: false, refused: [] })
    expect(await service.findings(auditId)).toEqual(before)
  })

  test('of two agents at the same time is recorded once, and each learns whether its own was', async () => {
    const { auditId, lease } = await leaseOne()
    const closed = [0, 1].map((i) => observation(i, { state: 'closed', reason: 'connection-refused' }))
    const deliveries = [whole, { online: true, observations: closed }, whole, { online: false, observations: [] }]
    const receipts = await Promise.all(deliveries.map((delivery) => deliver(lease.id, delivery)))
    const recorded = receipts.flatMap(({ body }, i) => (body.recorded ? [i] : []))
    expect(recorded).toHaveLength(1)
    const [finding] = (await service.findings(auditId)).filter(({ rule }) => rule === 'must-be-open')
    expect(finding?.state).toBe(['open', 'closed', 'open', 'unknown'][recorded[0] ?? -1])
  })

  test('comes too late when the audit has ended, and changes nothing', async () => {
    const { auditId, lease } = await leaseOne()
    await service.call('POST', `/v1/audits/${auditId}/cancel`, { body: {} })
    const before = await service.ended(auditId)
    expect((await deliver(lease.id, whole)).body).toEqual({ recorded: false, refused: [] })
    expect(await service.stores.audits.find(auditId)).toEqual(before)
  })

  test('of a vantage that was offline says nothing of its targets', async () => {
    const { auditId, lease } = await leaseOne()
    expect((await deliver(lease.id, { online: false, observations: [] } satisfies Delivery)).status).toBe(200)
    const findings = (await service.findings(auditId)).filter(({ vantage }) => vantage === 'branch')
    expect(findings.map(({ rule, reason }) => `${rule} ${reason.code}`)).toEqual([
      'must-be-open vantage-offline',
      'must-be-unreachable vantage-offline',
      'when-https condition-not-met',
    ])
  })

  test('has no time outside of its audit, at any clock of the agent', async () => {
    const { auditId, lease } = await leaseOne()
    const observations = ['1999-01-01T00:00:00Z', '2999-01-01T00:00:00Z'].map((observedAt, check) => ({
      ...observation(check),
      observedAt,
    }))
    await deliver(lease.id, { online: true, observations })
    const { createdAt, finishedAt } = await service.ended(auditId)
    for (const { observedAt } of await service.findings(auditId)) {
      const at = Date.parse(observedAt)
      const rounding = 1 // PostgreSQL rounds to milliseconds, JavaScript truncates
      expect(at).toBeGreaterThanOrEqual(Date.parse(createdAt) - rounding)
      expect(at).toBeLessThanOrEqual(Date.parse(finishedAt ?? '') + rounding)
    }
  })
})
