import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../../src/store/db/database.ts'
import { createStores } from '../../../src/store/db/stores.ts'
import { ledgerKeys } from '../../support/ledger.ts'
import { auditIds, openTestStores, startAudit, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())

/** The database, with a count of its statements. */
function counting(db: Database) {
  let count = 0
  const counted = new Proxy(db, {
    get(target, name) {
      if (name === '$queryRaw') count += 1
      return Reflect.get(target, name)
    },
  })
  return { db: counted, statements: () => count }
}

test('concurrent calls share a statement, and each gets its own result', async () => {
  const ids = auditIds(20)
  for (const id of ids) await startAudit(stores, { id })
  const { db, statements } = counting(stores.db)
  const root = createStores(db, stores.codes, { keys: ledgerKeys })
  const found = await Promise.all([...ids, ids[0] ?? '', '00000000-0000-7000-8000-000000000000'].map(root.audits.find))
  expect(found.map((audit) => audit?.id)).toEqual([...ids, ids[0], undefined])
  expect(statements()).toBe(1)
})

test('a call inside a transaction waits for no others', async () => {
  const [id = ''] = auditIds(1)
  await startAudit(stores, { id })
  const { db, statements } = counting(stores.db)
  const inside = createStores(db, stores.codes, { keys: ledgerKeys, changes: [] })
  const first = inside.audits.find(id)
  expect(statements()).toBe(1)
  const second = inside.audits.find(id)
  expect(statements()).toBe(2)
  expect([await first, await second]).toEqual([expect.objectContaining({ id }), expect.objectContaining({ id })])
})
