import { join, resolve } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PrismaClient } from '../../src/store/generated/client.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { query } from '../support/database-server.ts'
import { run } from '../support/processes.ts'
import { withSchemaEngine } from '../support/schema-engine.ts'

let migrated: TestDatabase
let drawn: TestDatabase
beforeAll(async () => {
  migrated = await createTestDatabase()
  drawn = await createEmptyDatabase()
  await query(drawn.url, [await withSchemaEngine(drawn.url, (engine) => engine.renderSchema())])
})
afterAll(() => Promise.all([migrated.drop(), drawn.drop()]))

/** What the migrations have beyond schema.prisma, which cannot say it. */
const beyondPrisma = [
  /^table _prisma_migrations$/,
  /^table finding_\d{4}_\d\d$/, // made month by month
  /^index span\.span_open_key: CREATE UNIQUE INDEX span_open_key ON public\.span USING btree \(target_id, series_id\) WHERE \(to_at IS NULL\)$/,
  /^index evidence\.evidence_resolved_idx: .* WHERE/,
  /^index audit\.audit_in_flight_idx: .* \(requested_by\) WHERE \(finished_at IS NULL\)$/,
  /^index ledger_entry\.ledger_entry_sign_in: .* \(actor, seq\) WHERE/,
  /^index webhook_delivery\.webhook_delivery_(dead|waiting(_lane|_series|_receiver|_key)?): .* WHERE/,
  /^partitioning finding: RANGE \(audit_id\)$/,
  /^function drop_finding_partitions_before\(/,
  /^function ensure_finding_partition\(/,
  /^function note_change\(/,
  /^trigger (audit\.audit|target\.target)_changed: O$/,
  /^function lock_ledger_head\(/,
  /^function refuse_ledger_change\(/,
  /^trigger ledger_(entry|state)\.ledger_\1_append_only: A$/, // A: always
  /^function notify_key_change\(/,
  /^trigger api_key\.api_key_(changed|truncated): A$/,
  /^function uuid_v7_floor\(/,
]

describe('prisma/schema.prisma and the migrations', () => {
  test('say the same of every table, column, key and index', async () => {
    const [inMigrations, inSchema] = [await catalogOf(migrated.url), await catalogOf(drawn.url)]
    expect(inSchema.length).toBeGreaterThan(80)
    expect(inSchema.filter((line) => !inMigrations.includes(line))).toEqual([])
    expect(inMigrations.filter((line) => !inSchema.includes(line) && !isAllowed(line))).toEqual([])
  })

  test('beyond the schema, the migrations have all that is listed here', async () => {
    const catalog = await catalogOf(migrated.url)
    for (const allowed of beyondPrisma) expect(catalog.filter((line) => allowed.test(line))).not.toEqual([])
  })

  test.each([
    ['a column', 'ALTER TABLE target ADD COLUMN planted text', 'column target.planted: text'],
    [
      'a type',
      'ALTER TABLE target ALTER COLUMN name TYPE varchar(10)',
      'column target.name: character varying(10) NOT NULL',
    ],
    [
      'a default',
      'ALTER TABLE audit ALTER COLUMN total SET DEFAULT 7',
      'column audit.total: integer NOT NULL DEFAULT 7',
    ],
    ['a missing NOT NULL', 'ALTER TABLE target ALTER COLUMN address DROP NOT NULL', 'column target.address: text'],
    [
      'an index',
      'CREATE INDEX planted ON audit (status)',
      'index audit.planted: CREATE INDEX planted ON public.audit USING btree (status)',
    ],
    ['a key', 'ALTER TABLE rule ADD CONSTRAINT planted UNIQUE (name)', 'constraint rule.planted: UNIQUE (name)'],
    ['a table', 'CREATE TABLE planted ()', 'table planted'],
  ])('would be found to differ in %s', async (_, change, line) => {
    const before = await catalogOf(drawn.url)
    const after = await catalogOf(drawn.url, change)
    expect(after.filter((found) => !before.includes(found))).toContain(line)
    expect(isAllowed(line)).toBe(false)
  })
})

test('what each recording changes of an audit is in no index, or the row would be written into all of them', async () => {
  const columnsIn = async (change = 'SELECT') =>
    (
      await query<{ column: string }>(migrated.url, [
        'BEGIN',
        change,
        `SELECT DISTINCT a.attname AS column FROM pg_index x
          JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid AND d.refobjid = x.indrelid
          JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
          WHERE x.indrelid = 'audit'::regclass AND a.attname IN ('done', 'batches_left', 'observed_from', 'observed_until')`,
      ])
    ).map(({ column }) => column)
  expect(await columnsIn()).toEqual([])
  expect(await columnsIn('CREATE INDEX planted ON audit (id) WHERE batches_left > 0')).toEqual(['batches_left'])
})

test.each(['validate', 'format --check'])(
  'prisma %s accepts the schema, without an engine or a database',
  async (command) => {
    const root = resolve(import.meta.dirname, '../..')
    const argv = [join(root, 'node_modules/prisma/build/index.js'), ...command.split(' ')]
    expect(await run(process.execPath, argv, { cwd: root, env: { PATH: process.env.PATH } })).toMatchObject({ code: 0 })
  },
)

test('an update with a condition is one statement, which two callers cannot both pass', async () => {
  // `relationMode = "prisma"` would make it a read of the ids, and an update of these ids without the condition.
  const statements: string[] = []
  const adapter = new PrismaPg({ connectionString: migrated.url })
  const client = new PrismaClient({ adapter, log: [{ emit: 'event', level: 'query' }] })
  client.$on('query', ({ query: text }) => statements.push(text))
  await client.target.updateManyAndReturn({ where: { id: 1, version: 1 }, data: { version: { increment: 1 } } })
  await client.webhook.updateMany({ where: { id: 'w', version: 1 }, data: { version: { increment: 1 } } })
  await client.$disconnect()
  expect(statements).toHaveLength(2)
  for (const statement of statements) expect(statement).toMatch(/^UPDATE .* WHERE .*"version" = /)
})

const isAllowed = (line: string) =>
  beyondPrisma.some((allowed) => allowed.test(line)) ||
  /^\w+ _prisma_migrations\./.test(line) ||
  /^\w+ finding_\d{4}_\d\d\./.test(line)

/** One line for everything that a database's schema holds, after a change that does not stay. */
async function catalogOf(url: string, change = 'SELECT'): Promise<string[]> {
  const rows = await query<{ line: string }>(url, ['BEGIN', change, catalog])
  // How full the pages of an index are kept is for the migrations alone: schema.prisma cannot say it.
  return rows.map(({ line }) => line.replace(/ WITH \(fillfactor='?\d+'?\)/, ''))
}

const ours = `c.relnamespace = 'public'::regnamespace`
const catalog = `
  SELECT 'table ' || c.relname AS line FROM pg_class c WHERE ${ours} AND c.relkind IN ('r', 'p')
  UNION ALL
  SELECT format('column %s.%s: %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod))
    || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE ${ours} AND c.relkind IN ('r', 'p')
  UNION ALL
  SELECT format('constraint %s.%s: %s', c.relname, k.conname, pg_get_constraintdef(k.oid))
    FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype <> 'n' WHERE ${ours}
  UNION ALL
  SELECT format('index %s.%s: %s', c.relname, i.relname, replace(pg_get_indexdef(i.oid), ' ON ONLY ', ' ON '))
    FROM pg_class c JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid WHERE ${ours}
  UNION ALL
  SELECT format('partitioning %s: %s', c.relname, pg_get_partkeydef(c.oid)) FROM pg_class c WHERE ${ours} AND c.relkind = 'p'
  UNION ALL
  SELECT format('sequence %s', c.relname) FROM pg_class c WHERE ${ours} AND c.relkind = 'S'
  UNION ALL
  SELECT format('function %s(%s)', f.proname, pg_get_function_identity_arguments(f.oid))
    FROM pg_proc f WHERE f.pronamespace = 'public'::regnamespace
  UNION ALL
  SELECT format('trigger %s.%s: %s', c.relname, t.tgname, t.tgenabled)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE ${ours} AND NOT t.tgisinternal
  ORDER BY 1`
