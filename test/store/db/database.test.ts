import { expect, test } from 'vitest'
import { openDatabase, Prisma, readRows } from '../../../src/store/db/database.ts'
import { createTestDatabase } from '../../support/database.ts'

test('a statement that comes again is planned once, and those whose text varies do not fill the memory of a connection', async () => {
  const { url, drop } = await createTestDatabase()
  const { db, close } = openDatabase(url, { connections: 1 })
  const ask = (text: string) => db.$queryRaw<object[]>(Prisma.raw(text))
  const prepared = async (pattern: string) => {
    const [row] = await db.$queryRaw<{ count: number }[]>`
      SELECT count(*)::int FROM pg_prepared_statements WHERE statement LIKE ${pattern}`
    return row?.count
  }
  try {
    await ask('SELECT 1 AS once')
    for (let i = 0; i < 3; i++) await ask('SELECT 1 AS again')
    expect(await prepared('SELECT 1 AS once')).toBe(0)
    expect(await prepared('SELECT 1 AS again')).toBe(1)
    const report = `SELECT 1 AS report ${' '.repeat(600)}`
    for (let i = 0; i < 3; i++) await ask(report)
    expect(await prepared('SELECT 1 AS report%')).toBe(0)
    for (let i = 0; i < 350; i++) for (const _ of [1, 2]) await ask(`SELECT ${i} AS varied`)
    expect(await prepared('SELECT % AS varied')).toBeLessThan(300)
    expect(await ask('SELECT 349 AS varied')).toEqual([{ varied: 349 }])
  } finally {
    await close()
    await drop()
  }
})

test('rows are the same inside of a transaction, of which they are a part, and outside of one', async () => {
  const { url, drop } = await createTestDatabase()
  const { db, transaction, close } = openDatabase(url, { connections: 2 })
  const given = {
    label: 'ü',
    at: new Date('2026-11-23T12:00:00.123Z'),
    names: ['a', 'b"{,}'],
    json: { deep: [1.5, null] },
  }
  const statement = Prisma.sql`
    SELECT ${given.label} AS label, ${given.at}::timestamptz AS at, ${given.names}::text[] AS names, ${JSON.stringify(given.json)}::jsonb AS json,
      42::int AS count, true AS yes, NULL::text AS nothing, '0198c0de-0000-7000-8000-000000000000'::uuid AS id`
  const all = { ...given, count: 42, yes: true, nothing: null, id: '0198c0de-0000-7000-8000-000000000000' }
  try {
    for (let i = 0; i < 3; i++) expect(await readRows(db, statement)).toEqual([all])
    expect(await transaction((tx) => readRows(tx, statement))).toEqual([all])
    const written = transaction(async (tx) => {
      await tx.$executeRaw`CREATE TABLE unfinished ()`
      const exists = Prisma.sql`SELECT to_regclass('unfinished') IS NOT NULL AS exists`
      expect([await readRows(tx, exists), await readRows(db, exists)]).toEqual([
        [{ exists: true }],
        [{ exists: false }],
      ])
      throw new Error('rolled back')
    })
    await expect(written).rejects.toThrow('rolled back')
  } finally {
    await close()
    await drop()
  }
})
