import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startService, type TestService } from '../../../support/service.ts'
import { at, finding, makeSeries, policyOf, startAudit } from '../../../support/stores.ts'

let service: TestService
const hour = 3_600_000
const time = (hours: number) => at(hours * hour).toISOString()

/** Two series: both pass from 1 h on, one fails from 3 h on; a second version of their policy at 2 h. */
beforeAll(async () => {
  service = await startService({ working: false })
  const { stores } = service
  const [stays, fails] = await makeSeries(stores, ['one'], ['stays', 'fails'])
  if (!stays || !fails) throw new Error('no series')
  for (const [version, policy] of [policyOf('p', 'stays'), policyOf('p', 'stays', 'fails')].entries()) {
    await stores.policies.put(policy)
    await service.query(
      `UPDATE policy SET created_at = '${time(2 * version)}' WHERE name = 'p' AND version = ${version + 1}`,
    )
  }
  const policy = policyOf('p', 'stays', 'fails')
  const first = await startAudit(stores, { targetIds: [stays.targetId], policy })
  await stores.record({ ...first, findings: [stays, fails].map((one) => finding(one, hour)) })
  const second = await startAudit(stores, { targetIds: [stays.targetId], policy })
  const failed = finding(fails, 3 * hour, { result: 'fail', reason: 'unexpected-state' })
  await stores.record({ ...second, findings: [finding(stays, 3 * hour), failed] })
})
afterAll(() => service.stop())

const period = { from: time(0), to: time(4), step: 'PT1H' }
const get = (query: Record<string, string>, headers: Record<string, string> = {}) =>
  service.call('GET', `/v1/reports/trend?${new URLSearchParams(query)}`, { headers })

describe('GET /v1/reports/trend', () => {
  test('has the counts and the score of each group at each point, and the new policy versions', async () => {
    const { status, body } = await get(period)
    const none = [0, 0, 0, 0, 0]
    expect([status, body]).toEqual([
      200,
      {
        at: [0, 1, 2, 3, 4].map(time),
        items: [
          {
            policy: 'p',
            group: 'p',
            pass: [0, 2, 2, 1, 1],
            fail: [0, 0, 0, 1, 1],
            score: [null, 1, 1, 0.5, 0.5],
            unknown: none,
            error: none,
            notapplicable: none,
            notchecked: none,
            waived: none,
          },
        ],
        versions: [
          { policy: 'p', version: 1, createdAt: time(0) },
          { policy: 'p', version: 2, createdAt: time(2) },
        ],
      },
    ])
  })

  test('has rows of groups and points as CSV and NDJSON', async () => {
    const lines = (await get({ ...period, format: 'csv' })).body.trim().split('\r\n')
    expect(lines).toHaveLength(6)
    expect(lines[4]).toBe(`${time(3)},p,p,1,1,0,0,0,0,0,0.5`)
    const rows: string[] = (await get({ ...period, format: 'ndjson' })).body.trim().split('\n')
    expect(rows.map((row) => JSON.parse(row))[1]).toMatchObject({
      at: time(1),
      coverage: { checked: 2, notchecked: 0 },
      score: 1,
    })
  })

  test('leaves out points that have not come, and covers 90 days by default', async () => {
    const to = new Date(Date.now() + 86_400_000).toISOString()
    expect((await get({ to, from: new Date(Date.now() - 1000).toISOString() })).body.at).toHaveLength(1)
    expect((await get({})).body.at).toHaveLength(91)
  })

  test('has a strong ETag', async () => {
    const { headers } = await get(period)
    expect((await get(period, { 'if-none-match': String(headers.etag) })).status).toBe(304)
  })

  test.each([
    [{ from: time(4), to: time(3) }, 422, '/from', 'must not be after `to`'],
    [{ from: time(0), to: time(401), step: 'PT1H' }, 422, '/step', expect.stringContaining('P1D is enough')],
    [{ step: '1d' }, 400, '/step', expect.any(String)],
    [{ from: 'yesterday' }, 400, '/from', expect.any(String)],
    [{ by: 'rule' }, 400, '/by', expect.any(String)],
  ] as [Record<string, string>, number, string, unknown][])(
    'refuses %o with %i',
    async (query, status, pointer, detail) => {
      const { body } = await get(query)
      expect([body.status, body.errors]).toEqual([status, [{ in: 'query', pointer, detail }]])
    },
  )
})
