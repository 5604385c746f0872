import { afterEach, describe, expect, test } from 'vitest'
import { migrate } from '../../../src/store/db/migrate.ts'
import { createEmptyDatabase } from '../../support/database.ts'
import { query } from '../../support/database-server.ts'
import { readMigrations, withSchemaEngine } from '../../support/schema-engine.ts'

const migrations = readMigrations()
const names = migrations.map(({ name }) => name)

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean()
})

async function newDatabase(): Promise<string> {
  const { url, drop } = await createEmptyDatabase()
  cleanups.push(drop)
  return url
}

const appliedTo = (url: string) => query(url, ['SELECT * FROM _prisma_migrations ORDER BY migration_name'])
const tablesOf = async (url: string) => {
  const rows = await query<{ name: string }>(url, [
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`,
  ])
  return rows.map(({ name }) => name).sort()
}

describe('migrate', () => {
  test('applies what is missing, once, and says so in its table', async () => {
    const url = await newDatabase()
    await migrate(url)
    const applied = await appliedTo(url)
    expect(applied).toEqual(
      names.map((name) =>
        expect.objectContaining({
          migration_name: name,
          checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
          finished_at: expect.any(Date),
          rolled_back_at: null,
          applied_steps_count: 1,
        }),
      ),
    )
    expect(await tablesOf(url)).toEqual(expect.arrayContaining(['audit', 'finding', 'span', 'target']))
    await migrate(url)
    expect(await appliedTo(url)).toEqual(applied)
  })

  test('applies once when several processes start at the same time', async () => {
    const url = await newDatabase()
    await Promise.all(Array.from({ length: 5 }, () => migrate(url)))
    expect((await appliedTo(url)).map(({ migration_name }) => migration_name)).toEqual(names)
  })

  test('refuses a migration that was changed after it had been applied', async () => {
    const url = await newDatabase()
    await migrate(url)
    await query(url, [`UPDATE _prisma_migrations SET checksum = repeat('0', 64)`])
    await expect(migrate(url)).rejects.toThrow('migration 20261122000000_init was changed after it had been applied')
  })

  test('rolls a migration back that fails, leaves the data alone, and applies it once the cause is gone', async () => {
    const url = await newDatabase()
    // An unrelated table with the name of one that the migration creates in its middle.
    await query(url, ['CREATE TABLE span (theirs int)', 'INSERT INTO span VALUES (42)'])
    await expect(migrate(url)).rejects.toThrow('migration 20261122000000_init failed and was rolled back')
    expect(await tablesOf(url)).toEqual(['_prisma_migrations', 'span'])
    expect(await appliedTo(url)).toEqual([])
    expect(await query(url, ['SELECT theirs FROM span'])).toEqual([{ theirs: 42 }])

    await query(url, ['DROP TABLE span'])
    await migrate(url)
    expect(await appliedTo(url)).toHaveLength(names.length)
  })

  test('refuses to go on after a migration that failed half-way under Prisma', async () => {
    const url = await newDatabase()
    await migrate(url)
    await query(url, ['UPDATE _prisma_migrations SET finished_at = NULL'])
    await expect(migrate(url)).rejects.toThrow(/20261122000000_init failed before: resolve it/)
  })

  test('gives its lock back, even after a failure', async () => {
    const url = await newDatabase()
    await query(url, ['CREATE TABLE span ()'])
    await expect(migrate(url)).rejects.toThrow()
    const locks = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
    await expect.poll(() => query(url, [locks])).toEqual([])
  })
})

describe('the table of migrations', () => {
  test('shows Prisma that nothing is left to deploy', async () => {
    const url = await newDatabase()
    await migrate(url)
    expect(await withSchemaEngine(url, (engine) => engine.deploy())).toEqual([])
  })

  test('is the one that Prisma creates', async () => {
    const [ours, theirs] = [await newDatabase(), await newDatabase()]
    await migrate(ours)
    await withSchemaEngine(theirs, (engine) => engine.deploy([{ name: '1_other', sql: 'SELECT 1' }]))
    const columns = `SELECT column_name, data_type, character_maximum_length, is_nullable, column_default
      FROM information_schema.columns WHERE table_name = '_prisma_migrations' ORDER BY column_name`
    expect(await query(ours, [columns])).toEqual(await query(theirs, [columns]))

    await migrate(theirs)
    const applied = await appliedTo(theirs)
    expect(applied.map(({ migration_name }) => migration_name)).toEqual(['1_other', ...names])
  })

  test('is the same after Prisma has deployed every migration to an empty database', async () => {
    const [ours, theirs] = [await newDatabase(), await newDatabase()]
    await migrate(ours)
    expect(await withSchemaEngine(theirs, (engine) => engine.deploy())).toEqual(names)
    const sums = async (url: string) => (await appliedTo(url)).map(({ checksum }) => checksum)
    expect(await sums(theirs)).toEqual(await sums(ours))
    expect(await tablesOf(theirs)).toEqual(await tablesOf(ours))
    await migrate(theirs)
  })
})
