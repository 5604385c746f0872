import { expect, test } from 'vitest'
import { openDatabase, Prisma } from '../../src/store/database.ts'
import { createTestDatabase } from '../support/database.ts'

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
    for (let i = 0; i < 350; i++) for (const _ of [1, 2]) await ask(`SELECT ${i} AS varied`)
    expect(await prepared('SELECT % AS varied')).toBeLessThan(300)
    expect(await ask('SELECT 349 AS varied')).toEqual([{ varied: 349 }])
  } finally {
    await close()
    await drop()
  }
})
