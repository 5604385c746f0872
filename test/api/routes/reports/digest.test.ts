import { afterAll, beforeAll, expect, test } from 'vitest'
import { startService, type TestService } from '../../../support/service.ts'
import { finding, makeSeries, policyOf, startAudit } from '../../../support/stores.ts'

const hour = 3_600_000
const hoursAgo = (hours: number) => new Date(Date.now() - hours * hour)
let service: TestService

/** 30 hours ago both pass; 5 hours ago the red one fails. */
beforeAll(async () => {
  service = await startService({ working: false })
  const { stores } = service
  const series = await makeSeries(stores, ['red', 'blue'])
  await stores.targets.save(['red', 'blue'].map((team) => ({ name: team, address: '127.0.0.1', labels: { team } })))
  for (const [hours, result] of [
    [30, 'pass'],
    [5, 'fail'],
  ] as const) {
    const observedAt = hoursAgo(hours)
    const findings = series.map((one) =>
      finding(one, 0, {
        observedAt,
        ...(one.target === 'red' && { result, state: 'closed', reason: 'unexpected-state' }),
      }),
    )
    const started = await startAudit(stores, {
      targetIds: series.map(({ targetId }) => targetId),
      policy: policyOf('p', 'r'),
    })
    await stores.record({ ...started, findings })
    await service.query(
      `UPDATE audit SET status = 'completed', finished_at = '${observedAt.toISOString()}' WHERE id = '${started.auditId}'`,
    )
  }
  const waiver = { policy: 'p', rules: ['r'], targets: ['red'], reason: 'the move', requestedBy: 'a' }
  await stores.waivers.create({ ...waiver, id: '019b7600-0000-7000-8000-000000000001', expiresAt: hoursAgo(-48) })
  await stores.waivers.approve('019b7600-0000-7000-8000-000000000001', 'b', hoursAgo(1))
  await service.query(`INSERT INTO schedule_run (schedule_id, due_at, schedule, policy, outcome, reason, decided_at)
    VALUES (7, now() - interval '3 hours', 'nightly', 'p', 'missed', 'the service was down', now())`)
})
afterAll(() => service?.stop())

const get = async (query: Record<string, string> = {}, key?: string) =>
  service.call('GET', `/v1/reports/digest?${new URLSearchParams(query)}`, key === undefined ? {} : { key })

test('says of a day what changed, ends soon and was missed', async () => {
  const { status, body } = await get()
  expect(status).toBe(200)
  expect(body).toMatchObject({
    audits: 1,
    changes: { regressed: 1, changed: 0 },
    checks: { total: 2, failing: 0, waived: 1, unknown: 0 },
    ending: { counts: { certificate: 0, waiver: 1, window: 0 }, items: [{ kind: 'waiver', name: 'r' }] },
    missedRuns: { total: 1, newest: [{ schedule: 'nightly', reason: 'the service was down' }] },
  })
  expect(body.summary).toMatch(/^1 regressed since .* 1 audit ended\. Of 2 checks, 0 fail, 1 fail and are waived/)
})

test('says that nothing was checked again where no audit ended, by default since the digest before', async () => {
  const from = hoursAgo(2)
  await service.stores.digests.add({ from, to: from })
  const { body } = await get()
  expect(body).toMatchObject({
    from: from.toISOString(),
    audits: 0,
    changes: { regressed: 0 },
    missedRuns: { total: 0 },
  })
  expect(body.summary).toMatch(/^No audit ended since .*, so nothing was checked again\./)
  await service.query('DELETE FROM digest')
})

test('is limited to a policy, to labels, and to the targets of a key', async () => {
  expect((await get({ policy: 'other' })).body).toMatchObject({ audits: 0, checks: { total: 0 } })
  expect((await get({ label: 'team:blue' })).body).toMatchObject({ changes: { regressed: 0 }, checks: { total: 1 } })
  const key = await service.stores.keys.create('blue', ['reports:read'], { targetScope: { team: 'blue' } })
  const { body } = await get({}, key)
  expect(body).toMatchObject({ changes: { regressed: 0 }, checks: { total: 1 }, missedRuns: { total: 0 } })
  expect(JSON.stringify(body)).not.toContain('vantage-absent')
})

test('refuses a period that ends before it starts', async () => {
  const { status } = await get({ from: hoursAgo(1).toISOString(), to: hoursAgo(2).toISOString() })
  expect(status).toBe(422)
})
