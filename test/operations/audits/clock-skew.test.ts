import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { endAtDeadline } from '../../../src/operations/audits/deadlines.ts'
import { failBatch } from '../../../src/operations/audits/run-batch.ts'
import { ports } from '../../support/app.ts'
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

  test('is in no time that is stored', async () => {
    const name = `skewed-${days}`
    const call = async (method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object) => {
      const response = await service.call(method, path, { body, headers: { 'idempotency-key': `${name} ${path}` } })
      expect(response.status, `${method} ${path}: ${JSON.stringify(response.body)}`).toBeLessThan(300)
      return response.body
    }
    await skewed(days, async () => {
      await call('POST', '/v1/targets', { name, address: '127.0.0.1' })
      await call('PATCH', `/v1/targets/${name}`, { address: '127.0.0.2' })
      const audit = { policy: 'ports', targets: [name], params }
      await call('POST', '/v1/schedules', { name, cron: '0 3 1 1 *', enabled: false, audit })
      await call('PATCH', `/v1/schedules/${name}`, { jitterSeconds: 1 })
      const { id: webhook } = await call('POST', '/v1/webhooks', {
        url: 'http://localhost:9',
        events: ['vantage.absent'],
      })
      await call('PATCH', `/v1/webhooks/${webhook}`, { description: name })
      const { id: key } = await call('POST', '/v1/keys', { name, scopes: ['audits:run'] })
      await call('DELETE', `/v1/keys/${key}`)
      const { id } = await call('POST', '/v1/audits', audit)
      await service.stores.audits.requestCancel(id)
      await service.ended(id)
      const whole = await request()
      await service.ended(whole)
      await call('POST', '/v1/baselines', { name, audit: whole, reason: 'a test' })
      await service.call('PUT', '/v1/policies/ports', { body: { ...ports, title: name } })
    })
    const columns = await service.query<{ table: string; column: string }>(
      `SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
       WHERE table_schema = 'public' AND data_type LIKE 'timestamp%' AND table_name NOT LIKE '\\_%'`,
    )
    expect(columns.length).toBeGreaterThan(30)
    const off = columns.map(
      ({ table, column }) => `SELECT '${table}.${column}' AS at FROM "${table}"
        WHERE "${column}" NOT BETWEEN now() - interval '30 days' AND now() + interval '30 days'`,
    )
    expect(await service.query(`${off.join(' UNION ')} ORDER BY 1`)).toEqual([])
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
