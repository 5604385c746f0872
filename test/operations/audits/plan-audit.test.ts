import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cancelAudit } from '../../../src/operations/audits/cancel.ts'
import { endAtDeadline } from '../../../src/operations/audits/deadlines.ts'
import { failPlanning, planAudit, planSlices, sliceTargets } from '../../../src/operations/audits/plan-audit.ts'
import { recordUnseen } from '../../../src/operations/audits/run-batch.ts'
import { saveTargets } from '../../../src/operations/targets/save.ts'
import type { BatchCheck } from '../../../src/store/audits/batches.ts'
import { ports, startTestApp, type TestApp } from '../../support/app.ts'
import { freePort } from '../../support/ports.ts'

const checksOfTarget = 4
/** The first slice holds 1,000 checks, of which half need a probe. */
const inFirst = 250
const count = inFirst + 30
const targetsAt = (address: string, many = count) =>
  Array.from({ length: many }, (_, i) => ({ name: `host-${i}`, address }))

let app: TestApp
let params: { openPort: number; closedPort: number }
beforeAll(async () => {
  app = await startTestApp() // nothing works here but the test
  params = { openPort: await freePort(), closedPort: await freePort() }
})
afterAll(() => app.stop())

const accept = () => app.accept({ targets: targetsAt('127.0.0.1'), params })
/** An audit whose first slice is planned, and one is left. */
async function begin(): Promise<string> {
  const auditId = await accept()
  await planAudit(app, auditId)
  return auditId
}
const audit = (auditId: string) => app.stores.audits.find(auditId)
const slicesLeft = async (auditId: string) =>
  (await app.query(`SELECT FROM plan_slice WHERE audit_id = '${auditId}'`)).length
const checksIn = async (auditId: string) =>
  (
    await app.query<{ checks: { checks: BatchCheck[] } }>(
      `SELECT checks FROM batch WHERE audit_id = '${auditId}' AND done_at IS NULL`,
    )
  ).flatMap(({ checks }) => checks.checks)
async function recordAll(auditId: string): Promise<void> {
  for (const { id: batchId } of await app.stores.batches.open(auditId))
    await recordUnseen(app, { auditId, batchId }, { result: 'unknown', reason: 'vantage-offline' })
}
const total = count * checksOfTarget

async function expectWhole(auditId: string, status: string): Promise<void> {
  expect(await audit(auditId)).toMatchObject({ status, error: null, progress: { done: total, total } })
  const [row] = await app.query<{ series: number; targets: number }>(
    `SELECT count(DISTINCT series_id)::int AS series, count(DISTINCT target_id)::int AS targets FROM finding WHERE audit_id = '${auditId}'`,
  )
  expect(row).toEqual({ series: total, targets: count })
  expect(await slicesLeft(auditId)).toBe(0)
  expect(await app.stores.ledger.verify({ from: 1, limit: 1_000_000, findings: 1_000_000 })).toMatchObject({
    verdict: 'intact',
  })
}

describe('an audit with more than the checks of its first slice', () => {
  test('runs after the first slice, knows how many findings it will have, and does not end before the last', async () => {
    const auditId = await begin()
    expect(await audit(auditId)).toMatchObject({ status: 'running', progress: { done: inFirst * 2, total } })
    expect(await checksIn(auditId)).toHaveLength(inFirst * 2)
    await recordAll(auditId)
    expect(await audit(auditId)).toMatchObject({ status: 'running', progress: { done: inFirst * 4, total } })
    await planSlices(app, auditId)
    expect(await audit(auditId)).toMatchObject({ status: 'running' })
    await recordAll(auditId)
    await expectWhole(auditId, 'completed')
  })

  test('probes every target as it was at the start, also if it changes between slices', async () => {
    const auditId = await begin()
    await app.transaction((tx) => saveTargets(tx, targetsAt('127.0.0.9'), 'test'))
    await planSlices(app, auditId)
    const checks = await checksIn(auditId)
    expect(checks).toHaveLength(count * 2)
    expect(new Set(checks.map(({ host }) => host))).toEqual(new Set(['127.0.0.1']))
    await recordAll(auditId)
    await expectWhole(auditId, 'completed')
  })

  test('is whole after an end within a slice, and when two workers plan it', async () => {
    const auditId = await begin()
    const before = [await audit(auditId), await checksIn(auditId)]
    const enqueueBatches = () => Promise.reject(new Error('killed'))
    await expect(planSlices({ ...app, enqueueBatches }, auditId)).rejects.toThrow('killed')
    expect([await audit(auditId), await checksIn(auditId)]).toEqual(before)
    await Promise.all([planSlices(app, auditId), planSlices(app, auditId)])
    expect(await checksIn(auditId)).toHaveLength(count * 2)
    await recordAll(auditId)
    await expectWhole(auditId, 'completed')
  })

  test('has a result for every check when it is canceled between slices, and no more batches', async () => {
    const auditId = await begin()
    expect(await cancelAudit(app, auditId, { actor: 'test' })).toBe(true)
    await expectWhole(auditId, 'canceled')
    const [row] = await app.query<{ batches: number }>(
      `SELECT count(*)::int AS batches FROM batch WHERE audit_id = '${auditId}'`,
    )
    expect(row).toEqual({ batches: 1 })
  })

  test('has a result for every check when its deadline comes between slices', async () => {
    const auditId = await begin()
    await endAtDeadline({ ...app, dropBatches: async () => {} }, auditId)
    await expectWhole(auditId, 'completed')
  })

  test('that fails between slices or while one is planned stays so, and leaves none', async () => {
    const failed = await begin()
    await failPlanning(app, failed)
    const meanwhile = await begin()
    const transaction: typeof app.transaction = (work) =>
      app.transaction(async (tx, database) => {
        const findStarted = async (id: string) => {
          const found = await tx.audits.findStarted(id)
          if (found) await app.endAudit({ id, error: 'failed meanwhile' })
          return found
        }
        return work({ ...tx, audits: { ...tx.audits, findStarted } }, database)
      })
    await planSlices({ ...app, transaction }, meanwhile)
    for (const auditId of [failed, meanwhile]) {
      await planSlices(app, auditId)
      expect(await audit(auditId)).toMatchObject({ status: 'failed', progress: { done: inFirst * 2, total } })
      expect(await checksIn(auditId)).toEqual([])
      expect(await slicesLeft(auditId)).toBe(0)
    }
  })

  test('does not vouch for targets that were changed in what is left to plan', async () => {
    const auditId = await begin()
    await app.query(
      `UPDATE plan_slice SET targets = replace(targets, '127.0.0.1', '127.0.0.8') WHERE audit_id = '${auditId}'`,
    )
    await planSlices(app, auditId)
    await recordAll(auditId)
    const [entry] = await app.query<{ unproven: string[] }>(
      `SELECT payload -> 'unproven' AS unproven FROM ledger_entry WHERE action = 'audit.finish' AND subject = '${auditId}'`,
    )
    expect(entry?.unproven).toEqual(['findings'])
  })
})

describe('sliceTargets', () => {
  const rule = (id: string, more = {}) => ({ ...ports.rules[0], id, port: 1, ...more })
  const request = (many: number, rules: object[]) => ({
    ...{ vantages: [], rules: [], params: {} },
    snapshot: {
      policy: { id: 1, name: 'p', isNewest: true, document: { name: 'p', title: 'p', parameters: {}, rules } },
      targets: Array.from({ length: many }, (_, id) => ({ id, name: `${id}`, address: '192.0.2.1', params: {} })),
      vantages: [{ name: 'local', zones: ['client'], kind: 'worker', version: null }],
    },
  })
  const slices = (many: number, rules: object[]) =>
    sliceTargets(request(many, rules) as unknown as Parameters<typeof sliceTargets>[0])

  test('keeps every target once and in order, and every check in the total', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 6_000 }), fc.integer({ min: 1, max: 30 }), (many, each) => {
        const rules = Array.from({ length: each }, (_, i) => rule(`r-${i}`))
        const { total, first, others } = slices(many, rules)
        expect(total).toBe(many * each)
        expect([...first, ...others.flat()].map(({ id }) => id)).toEqual(Array.from({ length: many }, (_, id) => id))
        expect(others.every((slice) => slice.length > 0)).toBe(true)
        for (const slice of others) expect(slice.length * each).toBeLessThanOrEqual(10_000)
      }),
      { numRuns: 30 },
    )
  })

  test('cuts nothing where checks share a credential or are compared with another side', () => {
    const bind = { probe: 'ldap', expect: { ldap: { bind: { credentialRef: 'env:AD' } } } }
    for (const more of [bind, { unlike: { from: ['elsewhere'] } }])
      expect(slices(2_000, [rule('one'), rule('two', more)]).others).toEqual([])
    expect(slices(2_000, [rule('one'), rule('two')]).others).not.toEqual([])
  })
})
