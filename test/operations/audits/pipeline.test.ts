import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noCounts } from '../../../src/domain/findings/verdict.ts'
import { cancelAudit } from '../../../src/operations/audits/cancel.ts'
import { planAudit } from '../../../src/operations/audits/plan-audit.ts'
import { listenSilently, startTestApp, type TestApp } from '../../support/app.ts'
import type { Listening } from '../../support/listen.ts'
import { freePort } from '../../support/ports.ts'

let app: TestApp
let listener: Listening
let params: { openPort: number; closedPort: number }
beforeAll(async () => {
  ;[app, listener] = await Promise.all([startTestApp(), listenSilently()])
  params = { openPort: listener.port, closedPort: await freePort() }
  await app.work()
})
afterAll(() => Promise.all([app.stop(), listener.close()]))

const jobsOf = (auditId: string) =>
  app.query<{ name: string; state: string }>(
    `SELECT name, state FROM pgboss.job WHERE data->>'auditId' = '${auditId}' ORDER BY created_on`,
  )

describe('an audit', () => {
  test('runs from its acceptance to its verdict, with every check accounted for', async () => {
    const targets = ['a', 'b'].map((name) => ({ name, address: '127.0.0.1' }))
    const auditId = await app.accept({ targets, params })
    expect(await app.ended(auditId)).toMatchObject({
      status: 'completed',
      verdict: 'pass',
      counts: { ...noCounts, pass: 4, notchecked: 2, notapplicable: 2 },
      progress: { done: 8, total: 8 },
      trigger: 'test',
    })
    const findings = await app.findings(auditId)
    expect(findings).toHaveLength(8)
    expect(findings.filter(({ target }) => target === 'a')).toMatchObject([
      { rule: 'must-be-open', vantage: 'local', result: 'pass', state: 'open', attempts: 1 },
      { rule: 'must-be-unreachable', result: 'pass', state: 'closed', evidence: { port: params.closedPort } },
      { rule: 'from-elsewhere', vantage: 'zone:elsewhere', result: 'notchecked', evidence: null, latencyMs: null },
      { rule: 'when-https', result: 'notapplicable', reason: { code: 'condition-not-met' }, attempts: 0 },
    ])
  })

  test('publishes a violation, and a recovery in the next one', async () => {
    const targets = [{ name: 'exposed', address: '127.0.0.1' }]
    const first = await app.accept({ targets, params: { ...params, closedPort: listener.port } })
    expect(await app.ended(first)).toMatchObject({ verdict: 'fail', counts: { pass: 1, fail: 1 } })
    const second = await app.accept({ targets, params })
    expect(await app.ended(second)).toMatchObject({ verdict: 'pass' })
    const [from, to] = [await app.stores.drift.pointInTimeOf(first), await app.stores.drift.pointInTimeOf(second)]
    if (!from || !to) throw new Error('an audit is gone')
    const { items } = await (await app.stores.drift.compare(from.point, to.point, {})).page({ limit: 10 })
    expect(items.map((item) => [item.rule, item.class])).toEqual([['must-be-unreachable', 'recovered']])
  })

  test('of which nothing can be probed ends all the same', async () => {
    const policy = { ...(await app.stores.policies.find('ports'))?.document, name: 'unseen', rules: [elsewhere] }
    await app.stores.policies.put(policy as Parameters<typeof app.stores.policies.put>[0])
    const auditId = await app.accept({ policy: 'unseen', params })
    expect(await app.ended(auditId)).toMatchObject({
      status: 'completed',
      verdict: 'inconclusive',
      counts: { notchecked: 1 },
    })
  })

  test('of a stored policy of a newer version is an error where this one cannot judge it, and never a pass', async () => {
    const rules = [
      { ...elsewhere, id: 'unknown-group', from: ['client'], expect: { spdy: { speaks: true } }, port: listener.port },
      { ...elsewhere, id: 'unknown-probe', from: ['client'], probe: 'spdy', port: listener.port },
      { ...elsewhere, id: 'unknown-field', from: ['client'], port: listener.port, spdy: true },
      { ...elsewhere, id: 'unknown-family', from: ['client'], port: listener.port, families: ['spdy'] },
      { ...elsewhere, id: 'unknown-when', from: ['client'], port: listener.port, when: { value: 1, spdy: 1 } },
    ]
    const policy = { ...(await app.stores.policies.find('ports'))?.document, name: 'newer', rules }
    await app.stores.policies.put(policy as Parameters<typeof app.stores.policies.put>[0])
    const auditId = await app.accept({ policy: 'newer', targets: [{ name: 'c', address: '127.0.0.1' }], params })
    expect(await app.ended(auditId)).toMatchObject({ verdict: 'inconclusive', counts: { pass: 0, error: 5 } })
    const found = (await app.findings(auditId)).map(({ reason, attempts }) => [reason.code, attempts])
    expect(found).toEqual(rules.map(() => ['expectation-not-supported', 0])) // workers and agents get no such check
  })

  test('does not dial what the egress policy refuses: an error, and no packet', async () => {
    const targets = [{ name: 'forbidden', address: '169.254.169.254' }]
    const auditId = await app.accept({ targets, params })
    expect(await app.ended(auditId)).toMatchObject({ verdict: 'inconclusive', counts: { error: 2 } })
    expect((await app.findings(auditId))[0]).toMatchObject({ reason: { code: 'egress-denied' }, attempts: 0 })
  })

  test('of a name that does not exist is inconclusive, never a pass', async () => {
    const targets = [{ name: 'nameless', address: 'does-not-exist.invalid' }]
    const auditId = await app.accept({ targets, params })
    expect(await app.ended(auditId)).toMatchObject({
      verdict: 'inconclusive',
      counts: { pass: 0, fail: 0, unknown: 2 },
    })
  })

  const elsewhere = {
    id: 'from-elsewhere',
    title: 'from elsewhere',
    severity: 'low',
    direction: 'inbound',
    from: ['elsewhere'],
    probe: 'tcp',
    port: 1,
    expect: {},
  }
})

describe('twenty concurrent audits', () => {
  test('all end, each with all of its findings, and leave consistent spans', async () => {
    const targets = Array.from({ length: 10 }, (_, i) => ({ name: `busy-${i}`, address: '127.0.0.1' }))
    const order = (i: number) => (i % 2 ? targets : targets.toReversed())
    const ids = await Promise.all(Array.from({ length: 20 }, (_, i) => app.accept({ targets: order(i), params })))
    const ended = await Promise.all(ids.map((id) => app.ended(id)))
    for (const audit of ended) {
      expect(audit).toMatchObject({ status: 'completed', verdict: 'pass', progress: { done: 40, total: 40 } })
    }
    const spans = await app.query<{ all: string; open: string }>(
      `SELECT count(*) AS all, count(*) FILTER (WHERE to_at IS NULL) AS open FROM span
       WHERE target_id IN (SELECT id FROM target WHERE name LIKE 'busy-%')`,
    )
    expect(spans).toEqual([{ all: '40', open: '40' }])
  })
})

describe('delivery', () => {
  test('of a plan that was carried out already changes nothing', async () => {
    const auditId = await app.accept({ params })
    const audit = await app.ended(auditId)
    await planAudit(app, auditId)
    expect(await app.stores.audits.find(auditId)).toEqual(audit)
    expect(await app.findings(auditId)).toHaveLength(4)
  })

  test('of a batch twice, even concurrently, records it once', async () => {
    const auditId = await app.accept({ params })
    await app.ended(auditId)
    const before = await app.findings(auditId)
    const [batch] = await app.query<{ id: number }>(`SELECT id FROM batch WHERE audit_id = '${auditId}'`)
    const job = { auditId, batchId: batch?.id ?? -1, checks: 4 }
    await app.transaction((_, tx) => app.enqueueBatches(tx, 'local', [job, job, job]))
    const completed = async () => (await jobsOf(auditId)).filter(({ state }) => state === 'completed').length
    await expect.poll(completed).toBe(4) // the batch, and three more: without a notification, the next poll finds them
    expect(await app.findings(auditId)).toEqual(before)
  })

  test('goes with the transaction: what is rolled back leaves no job', async () => {
    const auditId = await app.accept({ params })
    await app.ended(auditId)
    const jobs = async () => (await jobsOf(auditId)).map(({ name }) => name) // the last one may be ending
    const before = await jobs()
    const work = app.transaction(async (_, tx) => {
      await app.enqueuePlan(tx, auditId)
      await app.enqueueBatches(tx, 'local', [{ auditId, batchId: 1, checks: 4 }])
      throw new Error('no')
    })
    await expect(work).rejects.toThrow('no')
    expect(await jobs()).toEqual(before)
  })

  test('leaves no job that failed', async () => {
    expect(await app.query(`SELECT name, output FROM pgboss.job WHERE state = 'failed' OR retry_count > 0`)).toEqual([])
  })
})

test('an audit that has ended cannot be canceled', async () => {
  const auditId = await app.accept({ params })
  const audit = await app.ended(auditId)
  expect(await cancelAudit(app, auditId, { actor: 'test' })).toBe(false)
  expect(await app.stores.audits.find(auditId)).toEqual(audit)
})
