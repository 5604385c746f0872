import { v7 as newUuid } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noCounts } from '../../../src/domain/findings/verdict.ts'
import { loadCodes } from '../../../src/store/db/codes.ts'
import { InvalidCursorError } from '../../../src/store/query/cursor-page.ts'
import {
  auditIds,
  finding,
  makeSeries,
  openTestStores,
  policyOf,
  startAudit,
  type TestStores,
} from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

const accept = async (more: object = {}) => {
  const { stored } = await stores.policies.put(policyOf('p', 'r'))
  const order = { policyId: stored.id, targetIds: [1], vantages: [], params: {}, trigger: 'api', requestedBy: 'k' }
  const id = newUuid()
  await stores.audits.create({ id, ...order, ...more })
  return id
}
const find = (id: string) => stores.audits.find(id)

describe('an audit', () => {
  test('that was accepted is queued and keeps what was said of it', async () => {
    const id = await accept({ correlationId: 'CHG1', reason: 'a change' })
    expect(await find(id)).toMatchObject({
      id,
      status: 'queued',
      verdict: null,
      counts: noCounts,
      progress: { done: 0, total: 0 },
      policy: { name: 'p', version: 1, digest: expect.any(String) },
      trigger: 'api',
      correlationId: 'CHG1',
      reason: 'a change',
      error: null,
      startedAt: null,
      finishedAt: null,
    })
    expect(await find(newUuid())).toBeUndefined()
  })

  test('that was planned is running, and cannot be planned again', async () => {
    const id = await accept({ params: { sshPort: 22 }, vantages: ['local'] })
    expect(await stores.transaction((tx) => tx.audits.lockQueued(id))).toMatchObject({
      id,
      targetIds: [1],
      vantages: ['local'],
      params: { sshPort: 22 },
    })
    await stores.audits.start(id, { total: 5, batches: 2 })
    expect(await find(id)).toMatchObject({ status: 'running', progress: { done: 0, total: 5 } })
    expect(await stores.transaction((tx) => tx.audits.lockQueued(id))).toBeUndefined()
  })

  test('is planned by one of two workers who try at the same time', async () => {
    const id = await accept()
    const orders = await Promise.all(
      [1, 2].map(() =>
        stores.transaction(async (tx) => {
          const order = await tx.audits.lockQueued(id)
          if (order) await tx.audits.start(id, { total: 0, batches: 0 })
          return order
        }),
      ),
    )
    expect(orders.filter((order) => order)).toHaveLength(1)
  })

  test('with a requested end is not planned any more', async () => {
    const id = await accept()
    expect(await stores.audits.requestCancel(id)).toBe(true)
    expect(await stores.transaction((tx) => tx.audits.lockQueued(id))).toBeUndefined()
    await stores.endAudit({ id })
    expect(await find(id)).toMatchObject({ status: 'canceled', verdict: 'inconclusive' })
    expect(await stores.audits.requestCancel(id)).toBe(false)
  })

  test('that has ended says what was found, and when', async () => {
    const series = await makeSeries(stores, ['counted'], ['a', 'b', 'c'])
    const { auditId } = await startAudit(stores, { total: 3 })
    const results = ['pass', 'fail', 'pass'] as const
    const findings = series.map((one, i) => finding(one, 0, { result: results[i] ?? 'pass' }))
    await stores.record({ auditId, batchId: null, findings })
    await stores.endAudit({ id: auditId })
    expect(await find(auditId)).toMatchObject({
      status: 'completed',
      verdict: 'fail',
      counts: { ...noCounts, pass: 2, fail: 1 },
      progress: { done: 3, total: 3 },
      finishedAt: expect.any(String),
    })
  })

  test('that could not be planned has failed, with the cause', async () => {
    const id = await accept()
    await stores.endAudit({ id, error: 'no plan' })
    expect(await find(id)).toMatchObject({ status: 'failed', verdict: 'inconclusive', error: 'no plan' })
  })

  test('ends with those that end at the same time: each as it must, and each with its entry of the ledger', async () => {
    const ids = await Promise.all([1, 2, 3].map(() => accept()))
    const ended = await Promise.all([
      ...ids.map((id, i) => stores.endAudit({ id, error: i === 1 ? 'no plan' : undefined })),
      stores.endAudit({ id: auditIds(1)[0] ?? '' }),
    ])
    expect(ended.map((one) => one?.status)).toEqual(['completed', 'failed', 'completed', undefined])
    const { items } = await stores.ledger.list({ limit: 10, action: 'audit.finish' })
    const entries = items.filter(({ subject }) => ids.includes(subject)).toSorted((a, b) => a.seq - b.seq)
    expect(entries.map(({ subject }) => subject).toSorted()).toEqual(ids.toSorted())
    expect(entries.map(({ seq }) => seq)).toEqual([0, 1, 2].map((i) => (entries[0]?.seq ?? 0) + i))
    expect(await stores.ledger.verify({ from: 1, limit: 10_000 })).toMatchObject({ verdict: 'intact' })
  })

  test('ends once, and stays as it ended', async () => {
    const { auditId } = await startAudit(stores)
    await Promise.all([1, 2, 3].map(() => stores.endAudit({ id: auditId })))
    const ended = await find(auditId)
    await stores.endAudit({ id: auditId, error: 'too late' })
    expect(await find(auditId)).toEqual(ended)
    expect(ended).toMatchObject({ status: 'completed', error: null })
  })
})

describe('listing audits', () => {
  test('finds them by correlation, policy and status, newest first, in pages', async () => {
    const { stored } = await stores.policies.put(policyOf('listed', 'r'))
    const ids = auditIds(5)
    for (const [i, id] of ids.entries()) {
      await accept({ id, policyId: stored.id, correlationId: i % 2 ? 'odd' : 'even' })
    }
    await stores.endAudit({ id: ids[4] ?? '' })
    const list = async (filter: object) =>
      (await stores.audits.list({ limit: 10, policy: 'listed', ...filter })).items.map(({ id }) => ids.indexOf(id))
    expect(await list({})).toEqual([4, 3, 2, 1, 0])
    expect(await list({ correlationId: 'odd' })).toEqual([3, 1])
    expect(await list({ status: 'queued', correlationId: 'even' })).toEqual([2, 0])
    expect(await list({ status: 'completed' })).toEqual([4])
    expect(await list({ policy: 'nothing' })).toEqual([])

    const first = await stores.audits.list({ limit: 2, policy: 'listed' })
    await accept({ policyId: stored.id }) // a newer one does not move the pages that follow
    const second = await stores.audits.list({ limit: 2, policy: 'listed', cursor: first.next ?? '' })
    const third = await stores.audits.list({ limit: 2, policy: 'listed', cursor: second.next ?? '' })
    const pages = [first, second, third].map((page) => page.items.map(({ id }) => ids.indexOf(id)))
    expect(pages).toEqual([[4, 3], [2, 1], [0]])
    expect(third.next).toBeNull()
  })

  test('is not continued by a cursor that it did not give', async () => {
    const cursor = Buffer.from(JSON.stringify(["' OR true --"])).toString('base64url')
    await expect(stores.audits.list({ limit: 2, cursor })).rejects.toThrow(InvalidCursorError)
  })
})

test('the audit before another is the newest completed one of its policy that shares a target', async () => {
  const { stored: other } = await stores.policies.put(policyOf('other', 'r'))
  const { stored } = await stores.policies.put(policyOf('previous', 'r'))
  const ids = auditIds(7)
  const [batches, sharesOne, elsewhere, otherPolicy, failed, running, self] = ids
  const policyId = stored.id
  await accept({ id: batches, policyId, targetIds: [1, 2] })
  await accept({ id: sharesOne, policyId, targetIds: [2, 9] })
  await accept({ id: elsewhere, policyId, targetIds: [8] })
  await accept({ id: otherPolicy, policyId: other.id, targetIds: [2] })
  await accept({ id: failed, policyId, targetIds: [2] })
  await accept({ id: running, policyId, targetIds: [2] })
  await accept({ id: self, policyId, targetIds: [2, 3] })
  for (const id of [batches, sharesOne, elsewhere, otherPolicy, self]) await stores.endAudit({ id: id ?? '' })
  await stores.endAudit({ id: failed ?? '', error: 'no plan' })
  expect(await stores.audits.findPrevious(self ?? '')).toBe(sharesOne)
  expect(await stores.audits.findPrevious(sharesOne ?? '')).toBe(batches)
  expect(await stores.audits.findPrevious(batches ?? '')).toBeUndefined()
})

describe('series', () => {
  test('are found or made, in the order of the keys', async () => {
    const keys = [
      { targetId: 7, rule: 'b', vantage: 'local' },
      { targetId: 5, rule: 'a', vantage: 'zone:server' },
      { targetId: 7, rule: 'a', vantage: 'local' },
    ]
    const made = await stores.ensureSeries('p', keys)
    expect(new Set(made.map(({ seriesId }) => seriesId)).size).toBe(3)
    expect(await stores.ensureSeries('p', keys.toReversed())).toEqual(made.toReversed())
    expect(await stores.ensureSeries('q', keys)).not.toEqual(made)
  })

  test('are made once by many who need them at the same time', async () => {
    const keys = Array.from({ length: 40 }, (_, i) => ({ targetId: 100 + i, rule: `r${i % 4}`, vantage: `v${i % 3}` }))
    const all = await Promise.all(
      Array.from({ length: 6 }, (_, i) => stores.ensureSeries('raced', i % 2 ? keys : keys.toReversed())),
    )
    for (const [i, made] of all.entries()) expect(i % 2 ? made : made.toReversed()).toEqual(all[1])
  })
})

test('vantages are announced with the zones that they have now; empty zones are none of them', async () => {
  await stores.ensureSeries('p', [{ targetId: 1, rule: 'r', vantage: 'zone:nowhere' }])
  await stores.vantages.announce({ name: 'branch', zones: ['client'] })
  await stores.vantages.announce({ name: 'branch', zones: ['client', 'untrusted'] })
  const vantages = await stores.vantages.list()
  expect(vantages).toContainEqual(expect.objectContaining({ name: 'branch', zones: ['client', 'untrusted'] }))
  expect(vantages.map(({ name }) => name)).not.toContain('zone:nowhere')
})

test('codes keep their numbers, and a word of a newer version is an error that names the cause', async () => {
  const [one, other] = await Promise.all([loadCodes(stores.db), loadCodes(stores.db)])
  expect(one.reason.numberOf('as-expected')).toBe(other.reason.numberOf('as-expected'))
  expect(one.reason.wordOf(one.reason.numberOf('no-response'))).toBe('no-response')
  expect([one.result.numberOf('pass'), one.result.wordOf(1), one.state.wordOf(2)]).toEqual([0, 'fail', 'filtered'])
  expect(() => one.result.wordOf(99)).toThrow('written by a newer version')
})
