import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { query } from '../support/database-server.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

// docs/scaling.md says what each is for.
const distributed = ['baseline_state', 'finding', 'finding_permission', 'series', 'span']

describe('tables can be distributed by target', () => {
  test('because each that has one can, and the docs name them all', async () => {
    const rows = await query<{ name: string }>(database.url, [
      `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'target_id'
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
    ])
    expect(rows.map(({ name }) => name)).toEqual(distributed)
  })

  test('and the docs say of every other table where it stays', async () => {
    const rows = await query<{ name: string }>(database.url, [
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`,
    ])
    const names = rows.map(({ name }) => name).sort()
    const page = readFileSync(new URL('../../docs/scaling.md', import.meta.url), 'utf8')
    const [, references = ''] = /unnest\(ARRAY\[(.*?)\]\)/.exec(page) ?? []
    const [, others = ''] = /stay on the coordinator: (.*?), and the whole schema/s.exec(page) ?? []
    const listed = [...references.matchAll(/'(\w+)'/g), ...others.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)
    expect([...distributed, ...listed].sort()).toEqual(names)
  })

  test('because all their unique keys hold it, as an integer', async () => {
    const names = distributed.map((name) => `'${name}'`).join()
    const rows = await query<{ key: string; columns: string[]; type: string }>(database.url, [
      `SELECT i.indexrelid::regclass::text AS key, array_agg(a.attname::text) AS columns,
         max(a.atttypid::regtype::text) FILTER (WHERE a.attname = 'target_id') AS type
       FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
       WHERE c.relname IN (${names}) AND i.indisunique GROUP BY 1 ORDER BY 1`,
    ])
    expect(rows.length).toBeGreaterThanOrEqual(distributed.length + 2)
    for (const { key, columns, type } of rows) {
      expect(columns, key).toContain('target_id')
      expect(type, key).toBe('integer')
    }
  })

  test('because nothing refers to them or from them by a foreign key', async () => {
    const keys = await query<{ tables: string[] }>(database.url, [
      `SELECT ARRAY[conrelid::regclass::text, confrelid::regclass::text] AS tables FROM pg_constraint WHERE contype = 'f'`,
    ])
    expect(keys).not.toEqual([])
    expect(keys.filter(({ tables }) => tables.some((table) => distributed.includes(table)))).toEqual([])
  })
})
