import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/store/db/database.ts'
import type { Stores } from '../../src/store/db/stores.ts'
import { auditIds, makeSeries, openTestStores, startAudit, type TestStores } from '../support/stores.ts'

const findings = 3_000
const audits = auditIds(20)
const newest = audits.at(-1) ?? ''

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
  for (const id of audits) {
    await startAudit(stores, { id })
    await stores.query(
      `INSERT INTO finding SELECT '${id}', now(), i, i, 0, 1, 1, 0, 0, 1, 0 FROM generate_series(1, ${findings}) i`,
    )
    await stores.query(`UPDATE audit SET observed_until = now(), status = 'completed' WHERE id = '${id}'`)
  }
  await stores.query('VACUUM (ANALYZE) finding, audit')
})
afterAll(() => stores.close())

/** How many findings `work` reads without an index. */
const readInSequence = (work: (stores: Stores, tx: Database) => Promise<unknown>) =>
  stores.transaction(async (within, tx) => {
    const before = await countSequential(tx)
    await work(within, tx)
    return (await countSequential(tx)) - before
  })

async function countSequential(tx: Database): Promise<number> {
  const [row] = await tx.$queryRaw<{ rows: number }[]>`
    SELECT sum(seq_tup_read)::int AS rows FROM pg_stat_xact_user_tables WHERE relname LIKE 'finding_2%'`
  return row?.rows ?? Number.NaN
}

describe('among findings of other audits', () => {
  test('those that are read without an index are counted', async () => {
    const read = readInSequence(async (_, tx) => {
      for (const scan of ['indexscan', 'indexonlyscan', 'bitmapscan'])
        await tx.$executeRawUnsafe(`SET LOCAL enable_${scan} = off`)
      await tx.finding.count({ where: { auditId: newest } })
    })
    expect(await read).toBeGreaterThan(findings)
  })

  test('an audit whose findings are kept is found by the index', async () => {
    expect(await readInSequence(({ findings }) => findings.areKept(newest))).toBe(0)
  })

  test('a point in time of an audit is found by the index', async () => {
    expect(await readInSequence(({ drift }) => drift.pointInTimeOf(newest))).toBe(0)
  })

  test('two audits are compared by the index', async () => {
    const [from, to] = audits.slice(-2).map((auditId) => ({ auditId, tested: 'all' as const }))
    if (!from || !to) throw new Error('no audits')
    expect(await readInSequence(({ drift }) => drift.compare(from, to))).toBe(0)
  })
})

test('compliance reads the policy of a rule once, and not for each of its spans', async () => {
  const targets = Array.from({ length: 1_000 }, (_, i) => `many-${i}`)
  await makeSeries(stores, targets)
  await stores.query(`INSERT INTO span (target_id, series_id, from_at, evidence_id, result, state, reason_id, audit_id)
    SELECT target_id, id, now() - interval '1 hour', 0, 0, 0, 1, '${newest}' FROM series`)
  await stores.query('VACUUM (ANALYZE) span, series, target, rule, policy')
  const reads = async (tx: Database) => {
    const [row] = await tx.$queryRaw<{ scans: number }[]>`
      SELECT (seq_scan + coalesce(idx_scan, 0))::int AS scans FROM pg_stat_xact_user_tables WHERE relname = 'policy'`
    return row?.scans ?? Number.NaN
  }
  await stores.transaction(async ({ compliance }, tx) => {
    const before = await reads(tx)
    const groups = await compliance.groups(new Date(), { by: 'target' }, { policy: 'p' })
    expect(groups).toHaveLength(targets.length)
    expect((await reads(tx)) - before).toBeLessThan(100)
  })
})
