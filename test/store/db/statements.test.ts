import { expect, test } from 'vitest'
import { type Database, openDatabase, Prisma } from '../../../src/store/db/database.ts'
import { prepared, report, reportOnAll } from '../../../src/store/db/statements.ts'
import { andHas, andOfTarget, everything, limitedSql } from '../../../src/store/query/target-scope.ts'
import { createTestDatabase } from '../../support/database.ts'
import { readSources } from '../../support/sources.ts'

test('a statement that comes again is planned once, and texts that vary do not fill the memory of a connection', async () => {
  const { url, drop } = await createTestDatabase()
  const { db, close } = openDatabase(url, { connections: 1 })
  const run = (text: string) => db.$queryRaw<object[]>(Prisma.raw(text))
  const plans = (pattern: string) => plansOf(db, pattern)
  try {
    await run('SELECT 1 AS once')
    for (let i = 0; i < 3; i++) await run('SELECT 1 AS again')
    expect(await plans('SELECT 1 AS once')).toBe(0)
    expect(await plans('SELECT 1 AS again')).toBe(1)
    for (let i = 0; i < 350; i++) for (const _ of [1, 2]) await run(`SELECT ${i} AS varied`)
    expect(await plans('SELECT % AS varied')).toBeLessThan(300)
    expect(await run('SELECT 349 AS varied')).toEqual([{ varied: 349 }])
  } finally {
    await close()
    await drop()
  }
})

test('the author of a statement decides whether it is planned once or for each call', async () => {
  const { url, drop } = await createTestDatabase()
  const { db, close } = openDatabase(url, { connections: 1 })
  const long = Prisma.raw(' '.repeat(1_000))
  try {
    for (let i = 0; i < 3; i++) await prepared(db)`SELECT ${i}::int AS often ${long}`
    for (let i = 0; i < 3; i++) await reportOnAll(db)`SELECT ${i}::int AS seldom`
    expect([await plansOf(db, '%AS often%'), await plansOf(db, '%AS seldom%')]).toEqual([1, 0])
    expect(await reportOnAll(db)`SELECT ${1}::int AS seldom`).toEqual([{ seldom: 1 }])
  } finally {
    await close()
    await drop()
  }
})

test('no statement that returns rows leaves the decision open', () => {
  const undecided = readSources().filter(({ path, text }) => path.startsWith('store/') && text.includes('$queryRaw'))
  expect(undecided.map(({ path }) => path)).toEqual(['store/db/database.ts', 'store/db/statements.ts'])
})

test('a report without the limit to a target scope is a type error', () => {
  const read = report<object>({} as Database)
  const limit = andHas(everything, 'labels')
  const part = limitedSql`WHERE true ${limit}`
  const compiled = [
    () => read`SELECT ${1} FROM target WHERE true ${limit}`,
    () => read`SELECT FROM span WHERE true ${andOfTarget(everything, 'target_id')}`,
    () => read`SELECT FROM span ${part}`,
    // @ts-expect-error no values
    () => read`SELECT FROM span`,
    // @ts-expect-error no limit among the values
    () => read`SELECT FROM span WHERE state = ${1} ${Prisma.empty}`,
    // @ts-expect-error a part without the limit
    () => limitedSql`WHERE ${1}`,
    // @ts-expect-error a part that was not built with `limitedSql`
    () => read`SELECT FROM span ${Prisma.sql`WHERE true ${limit}`}`,
  ]
  expect(compiled).toHaveLength(7)
})

/** Files whose reports are about all targets, and why no limited caller reads more than its own by them. */
const unlimited: Readonly<Record<string, string>> = {
  'store/audits/findings-digest.ts': 'seals audits',
  'store/exceptions/windows.ts': 'proves the end of a window',
  'store/history/compliance.ts': 'rules of policies',
  'store/history/flapping.ts': 'series that a limited report has read',
  'store/history/flows.ts': 'names of rules and vantages that a limited report has read',
  'store/history/last-confirmed.ts': 'series that a limited report has read',
  'store/history/last-seen.ts': 'joined to spans that are limited',
  'store/history/matrix.ts': 'names of rules and vantages that a limited report has read',
  'store/history/trend.ts': 'rules of policies',
  'store/history/unknown.ts': 'times of schedules, which are not shown',
  'store/ledger/object-states.ts': 'the ledger',
  'store/ledger/verify-objects.ts': 'the ledger',
  'store/ledger/verify-open-audits.ts': 'the ledger',
  'store/ledger/verify-records.ts': 'the ledger',
  'store/search/search.ts': 'rules of policies',
  'store/webhooks/alerts.ts': 'webhooks',
  'store/webhooks/deliveries.ts': 'webhooks',
  'store/webhooks/tickets.ts': 'webhooks',
}

test('each file with a report about all targets has a reason for it', () => {
  const files = readSources().filter(({ path, text }) => path.startsWith('store/') && /\breportOnAll[<(]/.test(text))
  expect(files.map(({ path }) => path).filter((path) => path !== 'store/db/statements.ts')).toEqual(
    Object.keys(unlimited),
  )
})

test('lists in calls of models take no name for each of their lengths', async () => {
  const { url, drop } = await createTestDatabase()
  const { db, close } = openDatabase(url, { connections: 1 })
  try {
    for (let i = 0; i < 3; i++) {
      await db.rule.findMany({ where: { name: { in: ['a', 'b'] } } })
      await db.rule.createMany({ data: [1, 2].map((n) => ({ policy: `p${i}`, name: `${n}` })) })
      await db.rule.findUnique({ where: { id: 1 } })
    }
    expect([await plansOf(db, '%"name" IN (%'), await plansOf(db, 'INSERT%"rule"%')]).toEqual([0, 0])
    expect(await plansOf(db, 'SELECT%"rule"."id" = %')).toBe(1)
  } finally {
    await close()
    await drop()
  }
})

async function plansOf(db: Database, pattern: string): Promise<number | undefined> {
  const [row] = await db.$queryRaw<{ count: number }[]>`
    SELECT count(*)::int FROM pg_prepared_statements WHERE statement LIKE ${pattern} AND statement NOT LIKE '%pg_prepared%'`
  return row?.count
}

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
    for (let i = 0; i < 3; i++) expect(await prepared(db)`${statement}`).toEqual([all])
    expect(await transaction((tx) => prepared(tx)`${statement}`)).toEqual([all])
    const written = transaction(async (tx) => {
      await tx.$executeRaw`CREATE TABLE unfinished ()`
      const exists = Prisma.sql`SELECT to_regclass('unfinished') IS NOT NULL AS exists`
      expect([await prepared(tx)`${exists}`, await prepared(db)`${exists}`]).toEqual([
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
