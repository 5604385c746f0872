import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { endAtDeadline } from '../../../src/operations/audits/deadlines.ts'
import { failBatch } from '../../../src/operations/audits/run-batch.ts'
import { freePort } from '../../support/ports.ts'
import { startService, type TestService } from '../../support/service.ts'
import { startAudit } from '../../support/stores.ts'

const day = 86_400_000
let service: TestService
let params: Record<string, number>
beforeAll(async () => {
  service = await startService()
  params = { openPort: await freePort(), closedPort: await freePort() }
})
afterAll(() => service.stop())
afterEach(() => void vi.useRealTimers())

/** Runs `work` while the clock of this process is off. */
async function skewed<T>(days: number, work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + days * day })
  return work().finally(() => vi.useRealTimers())
}

const request = async () => {
  const body = { policy: 'ports', targets: [{ name: 'host', address: '127.0.0.1' }], params, deadlineSeconds: 600 }
  const response = await service.call('POST', '/v1/audits', { body })
  expect(response.status).toBe(202)
  return response.body.id as string
}

describe.each([65, -65])('a clock that is off by %d days for one request', (days) => {
  test('changes neither that audit nor those after it', async () => {
    const ids = [await skewed(days, request), await request()]
    for (const id of ids) expect(await service.ended(id)).toMatchObject({ status: 'completed', error: null })
    const [during, after] = ids
    expect([during, after].sort()).toEqual(ids)
  })

  test('does not move its deadline, nor the times of what is observed', async () => {
    const id = await skewed(days, async () => service.ended(await request()))
    const times = [id.deadlineAt, ...(await service.findings(id.id)).map(({ observedAt }) => observedAt)]
    for (const time of times) expect(Math.abs(Date.parse(String(time)) - Date.now())).toBeLessThan(0.1 * day)
  })

  test('does not move the times of the ledger', async () => {
    await skewed(days, request)
    const off = `SELECT FROM ledger_entry WHERE at NOT BETWEEN now() - interval '1 day' AND now() + interval '1 minute'`
    expect(await service.query(off)).toEqual([])
  })

  test('neither takes nor misses ticks of schedules', async () => {
    const name = `daily-${days}`
    const body = { name, cron: '0 3 * * *', audit: { policy: 'ports', targets: ['host'], params } }
    expect((await service.call('POST', '/v1/schedules', { body })).status).toBe(201)
    await skewed(days, () => service.scheduler.tick(service.now()))
    const [row] = await service.query<{ near: boolean }>(
      `SELECT next_at BETWEEN now() AND now() + interval '25 hours' AS near FROM schedule WHERE name = '${name}'`,
    )
    expect(row).toEqual({ near: true })
    expect(await service.query(`SELECT FROM schedule_run WHERE schedule = '${name}'`)).toEqual([])
  })

  test('removes nothing that its retention keeps', async () => {
    await service.query(
      `INSERT INTO idempotent_request (api_key_id, key, body_digest, resource) VALUES ('a', '${days}', 'd', 'r')`,
    )
    await skewed(days, () => service.stores.maintenance.dropOldRequests())
    expect(await service.query(`SELECT FROM idempotent_request WHERE key = '${days}'`)).toHaveLength(1)
  })

  test('is reported by /readyz, which stays ready', async () => {
    const { status, body } = await skewed(days, () => service.call('GET', '/readyz', { key: null }))
    expect(status).toBe(200)
    expect(body.warnings).toEqual([
      expect.stringMatching(/clock of this process is 56\d{5} s (ahead of|behind) the database/),
    ])
    expect((await service.call('GET', '/readyz', { key: null })).body.warnings).toBeUndefined()
  })
})

describe('an audit whose findings the database refuses has failed', () => {
  /** A month without a partition: as a clock that was ahead left it. */
  const outside = '01f00000-0000-7000-8000-00000000000'
  const series = async () => {
    const [row] = await service.query<{ targetId: number; seriesId: number }>(
      `SELECT target_id AS "targetId", id AS "seriesId" FROM series LIMIT 1`,
    )
    return row ?? expect.fail('there is no series')
  }
  const start = async (number: number) => {
    const { targetId, seriesId } = await series()
    const { batchId } = await startAudit(service.stores, { id: `${outside}${number}`, total: 1 })
    const checks = JSON.stringify({
      rules: [],
      checks: [{ targetId, seriesId, rule: 0, host: '127.0.0.1', indirect: false }],
    })
    await service.query(`UPDATE batch SET checks = '${checks}' WHERE id = ${batchId}`)
    return { auditId: `${outside}${number}`, batchId }
  }
  const expectFailed = async (auditId: string) => {
    const audit = await service.ended(auditId)
    expect(audit).toMatchObject({ status: 'failed', error: expect.stringContaining('SQLSTATE 23514') })
    expect(await service.stores.batches.open(auditId)).toEqual([])
    expect((await service.call('GET', `/v1/ledger?subject=${auditId}`)).status).toBe(200)
  }

  test('at its deadline', async () => {
    const { auditId } = await start(1)
    await expect(endAtDeadline({ ...service, dropBatches: async () => {} }, auditId)).rejects.toThrow(
      'cannot be stored',
    )
    await expectFailed(auditId)
  })

  test('when a batch was given up, and nothing is recorded after its end', async () => {
    const job = await start(2)
    await expect(failBatch(service, job)).rejects.toThrow('cannot be stored')
    await expectFailed(job.auditId)
    await service.query(`SELECT ensure_finding_partition(to_timestamp(x'01f000000000'::bigint / 1000.0))`)
    const judged = { result: 'notapplicable', state: 'unknown', reason: 'condition-not-met' } as const
    const finding = {
      ...(await series()),
      ...judged,
      observedAt: new Date(),
      latencyMs: null,
      attempts: 1,
      indirect: false,
      evidence: null,
    }
    await service.stores.record({ ...job, findings: [finding] })
    expect(await service.findings(job.auditId)).toEqual([])
  })

  test('when it is canceled', async () => {
    const { auditId } = await start(3)
    await service.query(`DROP TABLE IF EXISTS ${await partition()}`)
    await service.call('POST', `/v1/audits/${auditId}/cancel`, { body: {} })
    await expectFailed(auditId)
  })

  const partition = async () => {
    const [row] = await service.query<{ name: string }>(
      `SELECT 'finding_' || to_char(to_timestamp(x'01f000000000'::bigint / 1000.0) AT TIME ZONE 'UTC', 'YYYY_MM') AS name`,
    )
    return row?.name
  }
})
