import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cancelAudit } from '../../../src/operations/audits/cancel.ts'
import { planAudit } from '../../../src/operations/audits/plan-audit.ts'
import { listenSilently, startTestApp, type TestApp } from '../../support/app.ts'
import { listenHolding } from '../../support/holding.ts'
import type { Listening } from '../../support/listen.ts'
import { freePort } from '../../support/ports.ts'

let listener: Listening
let params: { openPort: number; closedPort: number; httpsPort?: number }
beforeAll(async () => {
  listener = await listenSilently()
  params = { openPort: listener.port, closedPort: await freePort() }
})
afterAll(() => listener.close())

/** Each test has an app of its own, and decides when it begins to work. */
async function newApp(env?: NodeJS.ProcessEnv): Promise<TestApp & AsyncDisposable> {
  const app = await startTestApp(env)
  return { ...app, [Symbol.asyncDispose]: app.stop }
}
/** A probe that lasts until it is released. */
const patient = { PORTWARDEN_PROBE_TIMEOUT_MS: '30000' }

const targets = ['a', 'b', 'c'].map((name) => ({ name, address: '127.0.0.1' }))
const allBy = async (app: TestApp, auditId: string, rule: string) =>
  (await app.findings(auditId))
    .filter((finding) => finding.rule === rule)
    .map(({ result, reason }) => [result, reason.code])

describe.concurrent('canceling', () => {
  test('before the plan ends the audit immediately, and its plan is not carried out any more', async () => {
    await using app = await newApp()
    const auditId = await app.accept({ targets, params }, new Date())
    expect(await cancelAudit(app, auditId, { actor: 'test' })).toBe(true)
    const audit = await app.stores.audits.find(auditId)
    expect(audit).toMatchObject({ status: 'canceled', verdict: 'inconclusive', progress: { done: 0, total: 0 } })

    await app.work()
    const next = await app.accept({ targets, params }, new Date())
    await app.ended(next) // the plan of the canceled one was delivered before
    expect(await app.stores.audits.find(auditId)).toEqual(audit)
    expect(await app.findings(auditId)).toEqual([])
  })

  test('between plan and probe accounts for every check, and nothing is dialled afterwards', async () => {
    await using app = await newApp()
    const auditId = await app.accept({ targets, params })
    expect(await cancelAudit(app, auditId, { actor: 'test' })).toBe(true)
    const audit = await app.stores.audits.find(auditId)
    expect(audit).toMatchObject({
      status: 'canceled',
      verdict: 'inconclusive',
      counts: { unknown: 6, notchecked: 3, notapplicable: 3 },
      progress: { done: 12, total: 12 },
    })
    expect(await allBy(app, auditId, 'must-be-open')).toEqual(Array(3).fill(['unknown', 'audit-canceled']))

    await app.work()
    await app.ended(await app.accept({ targets: [{ name: 'other', address: '127.0.0.1' }], params }))
    expect(await app.stores.audits.find(auditId)).toEqual(audit)
    expect((await app.findings(auditId)).every(({ attempts }) => attempts === 0)).toBe(true)
  })

  test('in the middle of a probe ends the audit immediately, and the result of the probe changes nothing', async ({
    expect,
  }) => {
    await using app = await newApp(patient)
    await using held = await listenHolding()
    await app.work()
    const auditId = await app.accept({ targets, params: { ...params, httpsPort: held.port } })
    await held.holds()
    expect(await cancelAudit(app, auditId, { actor: 'test' })).toBe(true)
    const audit = await app.stores.audits.find(auditId)
    expect(audit).toMatchObject({ status: 'canceled', progress: { done: 12, total: 12 }, counts: { unknown: 9 } })
    const findings = await app.findings(auditId)
    held.release()
    const done = `SELECT FROM pgboss.job WHERE name = 'batch/local' AND state = 'completed'`
    await expect.poll(() => app.query(done)).toHaveLength(1)
    expect(await app.stores.audits.find(auditId)).toEqual(audit)
    expect(await app.findings(auditId)).toEqual(findings)
  })
})

describe.concurrent('a job that fails in every try', () => {
  test('ends its audit: a batch in errors that say so, a plan as failed, by way of the dead letters', async () => {
    await using app = await newApp()
    const unrunnable = await app.accept({ targets, params })
    const unplannable = await app.accept({ targets, params }, new Date())
    // What a worker of another version, or a broken row, would make of it: a check whose rule is not there.
    await app.query(`UPDATE batch SET checks = jsonb_set(checks, '{rules}', '[]') WHERE audit_id = '${unrunnable}'`)
    // The parameters were right when the audit was accepted.
    await app.query(`UPDATE target SET params = '{"openPort": "open"}' WHERE name = 'b'`)
    await app.work()

    expect(await app.ended(unrunnable)).toMatchObject({
      status: 'completed',
      verdict: 'inconclusive',
      counts: { error: 6, notchecked: 3, notapplicable: 3 },
      progress: { done: 12, total: 12 },
    })
    expect(await allBy(app, unrunnable, 'must-be-unreachable')).toEqual(Array(3).fill(['error', 'batch-failed']))

    const failed = await app.ended(unplannable)
    expect(failed).toMatchObject({ status: 'failed', verdict: 'inconclusive', counts: { pass: 0 } })
    expect(failed.error).toMatch(/could not be planned/)
    expect(await app.findings(unplannable)).toEqual([])

    const tries = `SELECT name, retry_count AS retries FROM pgboss.job WHERE state = 'failed' OR name LIKE 'batch-again/%' ORDER BY name`
    expect(await app.query(tries)).toEqual([
      { name: 'audit-plan', retries: 2 },
      { name: 'batch-again/local', retries: 2 },
      { name: 'batch/local', retries: 0 },
    ])
  })
})

describe.concurrent('a worker that dies', () => {
  test('between planning an audit without probes and ending it is made good by the next delivery', async () => {
    await using app = await newApp()
    await app.stores.vantages.announce({ name: 'local', zones: ['nowhere'] })
    const auditId = await app.accept({ targets, params }, new Date())
    const endAudit = () => Promise.reject(new Error('killed'))
    await expect(planAudit({ ...app, endAudit }, auditId)).rejects.toThrow('killed')
    expect(await app.stores.audits.find(auditId)).toMatchObject({
      status: 'running',
      progress: { done: 12, total: 12 },
    })
    await planAudit(app, auditId)
    expect(await app.stores.audits.find(auditId)).toMatchObject({ status: 'completed', verdict: 'inconclusive' })
  })

  test('between recording the last batch and ending the audit is made good by the next delivery', async () => {
    await using app = await newApp()
    const auditId = await app.accept({ targets, params })
    const [{ id: batchId } = { id: -1 }] = await app.stores.batches.open(auditId)
    const batch = await app.stores.batches.findOpen(batchId)
    const findings = (batch?.checks ?? []).map(({ targetId, seriesId }) => ({
      ...({ targetId, seriesId, result: 'pass', state: 'open', reason: 'as-expected', evidence: null } as const),
      ...{ observedAt: new Date(), latencyMs: 1, attempts: 1, indirect: false },
    }))
    await app.stores.record({ auditId, batchId, findings })
    await app.work()
    expect(await app.ended(auditId)).toMatchObject({ status: 'completed', counts: { pass: 6 } })
  })
})

test.concurrent('closing waits for the running probe, which is recorded', async () => {
  await using app = await newApp(patient)
  await using held = await listenHolding()
  await app.work()
  const auditId = await app.accept({ targets, params: { ...params, httpsPort: held.port } })
  await held.holds()
  const closed = app.close()
  held.release()
  await closed
  expect(await app.query(`SELECT status, done, total FROM audit WHERE id = '${auditId}'`)).toEqual([
    { status: 'completed', done: 12, total: 12 },
  ])
})
