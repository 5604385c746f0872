import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/store/db/database.ts'
import type { Stores } from '../../src/store/db/stores.ts'
import { auditIds, openTestStores, startAudit, type TestStores } from '../support/stores.ts'

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
    expect(await readInSequence((_, tx) => tx.finding.findFirst({ where: { auditId: newest } }))).toBeGreaterThan(
      findings,
    )
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
