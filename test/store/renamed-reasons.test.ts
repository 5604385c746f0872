import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Evidence } from '../../src/domain/findings/evidence.ts'
import { describeReason, type ReasonCode, renamedReasons } from '../../src/domain/findings/reasons.ts'
import { digest } from '../../src/encoding/canonical-json.ts'
import { beginLedger } from '../../src/operations/ledger/begin.ts'
import { ensurePolicy } from '../../src/operations/policies/put.ts'
import { saveTargets } from '../../src/operations/targets/save.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { query } from '../support/database-server.ts'
import { at, finding, makeSeries, openTestStoresOn, policyOf, startAudit, type TestStores } from '../support/stores.ts'

let database: TestDatabase
let stores: TestStores
beforeAll(async () => {
  database = await createTestDatabase()
  // As the version left it that had the former codes.
  const renames = Object.entries(renamedReasons).map(
    ([former, present]) => `UPDATE reason SET code = '${former}' WHERE code = '${present}'`,
  )
  await query(database.url, [...renames, `DELETE FROM reason WHERE code = 'as-expected'`])
  stores = await openTestStoresOn(database.url)
  await beginLedger(stores)
  await ensurePolicy(stores, policyOf('p', 'r'), 'test')
  const targets = ['opens', 'shown', 'silent'].map((name) => ({ name, address: '127.0.0.1' }))
  await stores.transaction((tx) => saveTargets(tx, targets, 'test'))
})
afterAll(async () => {
  await stores.close()
  await database.drop()
})

type Series = Awaited<ReturnType<typeof makeSeries>>[number]

const evidence = (reason: string): Evidence => ({
  probe: 'tcp',
  host: 'h',
  port: 1,
  addresses: { '192.0.2.1': { state: 'filtered', reason: reason as ReasonCode, facts: {} } },
  unlike: { other: { '192.0.2.1': { state: 'filtered', reason: reason as ReasonCode, facts: {} } } },
})
const silent = {
  result: 'unknown',
  state: 'filtered',
  reason: 'no-response',
  evidence: evidence('no-response'),
} as const

async function audit(series: Series | undefined, ms: number): Promise<string> {
  if (!series) throw new Error('there is no series')
  const { auditId, batchId } = await startAudit(stores, { targetIds: [series.targetId], total: 1 })
  await stores.record({ auditId, batchId, findings: [finding(series, ms, silent)] })
  await stores.endAudit({ id: auditId })
  return auditId
}

test('reasons of the former version keep their rows, and missing ones are added', async () => {
  const codes = await query<{ code: string }>(database.url, ['SELECT code FROM reason'])
  expect(codes).toContainEqual({ code: 'no-answer' })
  expect(codes).toContainEqual({ code: 'as-expected' })
  expect(codes).not.toContainEqual({ code: 'no-response' })
})

test('a silent port is shown with the present code, and evidence keeps its content and digest', async () => {
  const [series] = await makeSeries(stores, ['shown'])
  const id = await audit(series, 1000)
  const [shown] = (await stores.findings.list(id, { limit: 10 })).items
  expect(shown?.finding).toMatchObject({ reason: describeReason('no-response'), evidence: evidence('no-response') })
  const rows = await stores.query(`SELECT encode(digest, 'hex') AS digest, content FROM evidence`)
  expect(rows).toEqual([{ digest: digest(evidence('no-answer')), content: evidence('no-answer') }])
})

test('a port that stays silent has one span and no drift', async () => {
  const [series] = await makeSeries(stores, ['silent'])
  const [first, second] = [await audit(series, 1000), await audit(series, 2000)]
  const { items } = await stores.history.spans(series?.targetId ?? -1, { limit: 10 })
  expect(items).toMatchObject([
    { to: null, reason: { code: 'no-response' }, evidence: evidence('no-response'), changes: [] },
  ])
  const drift = await stores.drift.compare({ auditId: first, tested: 'all' }, { auditId: second, tested: 'all' })
  expect((await drift.page({ limit: 10 })).items).toEqual([])
  expect(await stores.history.newest([series?.targetId ?? -1])).toMatchObject([{ evidence: evidence('no-response') }])
})

test('a port that opens has drift with the present code on its earlier side', async () => {
  const [series] = await makeSeries(stores, ['opens'])
  if (!series) throw new Error('there is no series')
  await audit(series, 1000)
  const open = { result: 'pass', state: 'open', reason: 'as-expected', evidence: null } as const
  await stores.record({ ...(await startAudit(stores)), findings: [finding(series, 2000, open)] })
  const drift = await stores.drift.compare({ time: at(1500) }, { time: at(2500) }, { target: 'opens' })
  const { items } = await drift.page({ limit: 10 })
  expect(items).toMatchObject([{ before: { reason: describeReason('no-response') } }])
  expect(items[0]?.changes).toContainEqual(expect.objectContaining({ path: '/reason', before: 'no-response' }))
})

test('the ledger still finds the findings that it signed', async () => {
  const found = await stores.ledger.verify({ from: 1, limit: 100, findings: 1_000 })
  expect(found).toMatchObject({ verdict: 'intact', broken: null, findings: { audits: 4, dropped: 0 } })
})
