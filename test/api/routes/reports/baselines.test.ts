import { v7 as newUuid } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiResponse, startService, type TestService } from '../../../support/service.ts'
import { finding, makeSeries, startAudit } from '../../../support/stores.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())

const reason = 'Reviewed, CHG0030001'
type Series = Awaited<ReturnType<typeof makeSeries>>[number]
async function audit(ms: number, series: readonly Series[], result: 'pass' | 'fail' = 'pass'): Promise<string> {
  const { stores } = service
  const started = await startAudit(stores, { targetIds: [...new Set(series.map((one) => one.targetId))] })
  await stores.record({ ...started, findings: series.map((one) => finding(one, ms, { result })) })
  await service.endAudit({ id: started.auditId })
  return started.auditId
}
const approve = (name: string, auditId: string) =>
  service.call('POST', '/v1/baselines', { body: { name, audit: auditId, reason } })
const itemOf = ({ target, rule }: Series) => ({ target, policy: 'p', rule, vantage: 'local' })
const approveItems = (name: string, items: object[]) =>
  service.call('POST', `/v1/baselines/${name}/approve`, { body: { reason, items } })
async function driftAgainst(name: string): Promise<string[]> {
  const url = `/v1/reports/drift?from=baseline:${name}&to=2026-06-01T00:00:00Z&target=${name}`
  const { body } = await service.call('GET', url)
  return body.items.map((item: { rule: string; class: string }) => `${item.rule} ${item.class}`)
}
const issuesOf = ({ body }: ApiResponse) => body.errors.map((error: { pointer: string }) => error.pointer)

describe('POST /v1/baselines', () => {
  test('approves an audit under a name, with the key that approved, the reason and the date', async () => {
    const series = await makeSeries(service.stores, ['made'], ['a', 'b'])
    const auditId = await audit(1000, series)
    const made = await approve('made', auditId)
    expect([made.status, made.headers.location]).toEqual([201, '/v1/baselines/made'])
    const [, keyId] = service.key.split('_')
    expect(made.body).toEqual({
      name: 'made',
      auditId,
      createdAt: expect.any(String),
      approvals: [{ approvedBy: keyId, approvedByName: 'test', reason, items: 2, at: expect.any(String) }],
    })
    expect(await service.call('GET', '/v1/baselines/made')).toMatchObject({ status: 200, body: made.body })
  })

  test('refuses a name that is taken with 409, and changes nothing', async () => {
    const series = await makeSeries(service.stores, ['taken'])
    const first = await approve('taken', await audit(1000, series))
    const again = await approve('taken', await audit(2000, series, 'fail'))
    expect(again).toMatchObject({ status: 409, body: { status: 409, detail: expect.stringContaining('taken') } })
    expect((await service.call('GET', '/v1/baselines/taken')).body).toEqual(first.body)
    expect(await driftAgainst('taken')).toEqual(['r regressed'])
  })

  test('with an idempotency key returns again what it made, and does not make it twice', async () => {
    const audited = await audit(1000, await makeSeries(service.stores, ['once']))
    const call = { body: { name: 'once', audit: audited, reason }, headers: { 'idempotency-key': 'once' } }
    const responses = await Promise.all(Array.from({ length: 4 }, () => service.call('POST', '/v1/baselines', call)))
    expect(responses.map(({ status }) => status)).toEqual([201, 201, 201, 201])
    expect(new Set(responses.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    const other = await service.call('POST', '/v1/baselines', { ...call, body: { ...call.body, name: 'other' } })
    expect(other).toMatchObject({ status: 422, body: { detail: expect.stringContaining('Idempotency-Key') } })
  })

  test('refuses an audit that is not there, or not completed, with 422', async () => {
    const running = await startAudit(service.stores)
    const canceled = await startAudit(service.stores)
    await service.stores.audits.requestCancel(canceled.auditId)
    await service.endAudit({ id: canceled.auditId })
    for (const id of [newUuid(), running.auditId, canceled.auditId]) {
      const refused = await approve('never', id)
      expect([refused.status, issuesOf(refused)]).toEqual([422, ['/audit']])
    }
    expect((await service.call('GET', '/v1/baselines/never')).status).toBe(404)
  })

  test('refuses an audit whose findings are not kept any more with 422, and makes nothing', async () => {
    const auditId = await audit(1000, await makeSeries(service.stores, ['dropped']))
    await service.query(`DELETE FROM finding WHERE audit_id = '${auditId}'`)
    const refused = await approve('dropped', auditId)
    expect([refused.status, issuesOf(refused)]).toEqual([422, ['/audit']])
    expect((await service.call('GET', '/v1/baselines/dropped')).status).toBe(404)
  })

  test.each([
    [{ name: 'Not A Name', reason }, '/name'],
    [{ name: 'x', reason: '' }, '/reason'],
    [{ name: 'x', reason, audit: 'yesterday' }, '/audit'],
    [{ name: 'x' }, '/reason'],
    [{ name: 'x', reason, approvedBy: 'me' }, '/approvedBy'],
  ])('refuses %o with 400 and names %s', async (body, pointer) => {
    const refused = await service.call('POST', '/v1/baselines', { body: { audit: newUuid(), ...body } })
    expect(refused.status).toBe(400)
    expect(issuesOf(refused)).toContain(pointer)
  })
})

describe('POST /v1/baselines/{name}/approve', () => {
  test('moves single items forward: their drift is gone, the others stay', async () => {
    const series = await makeSeries(service.stores, ['forward'], ['a', 'b', 'c'])
    await approve('forward', await audit(1000, series))
    await audit(2000, series.slice(0, 2), 'fail')
    expect(await driftAgainst('forward')).toEqual(['a regressed', 'b regressed'])
    const moved = await approveItems('forward', series.slice(0, 1).map(itemOf))
    expect(moved).toMatchObject({ status: 200, body: { approvals: [{ items: 1 }, { items: 3 }] } })
    expect(await driftAgainst('forward')).toEqual(['b regressed'])
  })

  test('moves all or none: an unknown item is named by its index', async () => {
    const series = await makeSeries(service.stores, ['all-or-none'])
    await approve('all-or-none', await audit(1000, series))
    await audit(2000, series, 'fail')
    const items = [...series.map(itemOf), ...series.map((one) => ({ ...itemOf(one), rule: 'no-such-rule' }))]
    const refused = await approveItems('all-or-none', items)
    expect([refused.status, issuesOf(refused)]).toEqual([422, ['/items/1']])
    expect(await driftAgainst('all-or-none')).toEqual(['r regressed'])
    expect((await service.call('GET', '/v1/baselines/all-or-none')).body.approvals).toHaveLength(1)
  })

  test('is 404 for a baseline that is not there', async () => {
    const [series] = await makeSeries(service.stores, ['nowhere'])
    expect((await approveItems('nowhere', series ? [itemOf(series)] : [])).status).toBe(404)
  })
})

test('DELETE removes a baseline, once, and a drift against it is refused', async () => {
  await approve('deleted', await audit(1000, await makeSeries(service.stores, ['deleted'])))
  expect((await service.call('DELETE', '/v1/baselines/deleted')).status).toBe(204)
  expect((await service.call('DELETE', '/v1/baselines/deleted')).status).toBe(404)
  const drift = await service.call('GET', '/v1/reports/drift?from=baseline:deleted&to=2026-06-01T00:00:00Z')
  expect([drift.status, issuesOf(drift)]).toEqual([422, ['/from']])
})

test('GET /v1/baselines lists them by name, page by page', async () => {
  const auditId = await audit(1000, await makeSeries(service.stores, ['listed']))
  for (const name of ['page-c', 'page-a', 'page-b']) await approve(name, auditId)
  const pages = await service.walk('/v1/baselines?limit=2')
  const names = pages.flat().map((baseline) => baseline.name)
  expect(names).toEqual(names.toSorted())
  expect(names).toEqual(expect.arrayContaining(['page-a', 'page-b', 'page-c']))
  for (const page of pages.slice(0, -1)) expect(page).toHaveLength(2)
})
