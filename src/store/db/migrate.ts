import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type pg from 'pg'
import { SetupError } from '../../domain/errors.ts'
import { connectionOptions } from './connection.ts'
import type { Database } from './database.ts'
import { parseDatabaseUrl } from './database-url.ts'
import { WatchedClient } from './liveness/watched-client.ts'
import { queueSchemaOf, quoteIdentifier } from './schemas.ts'
import { prepared } from './statements.ts'

const directory = new URL('../../../prisma/migrations/', import.meta.url)
// Prisma's own advisory lock, so that `prisma migrate deploy` and this runner never work at the same time.
const lockKey = 72_707_369

/**
 * Applies the migrations under prisma/migrations that are missing, in the order of their names, each in a transaction,
 * and keeps Prisma's table of them. Throws when an applied migration was changed afterwards or one of them failed before.
 */
export async function migrate(url: string): Promise<void> {
  const client = new WatchedClient(connectionOptions(url, 'portwarden migrations'))
  await client.connect()
  try {
    // A process that is gone must not keep the lock.
    await client.query(`SET idle_session_timeout = '60s'`)
    await client.query('SELECT pg_advisory_lock($1)', [lockKey])
    await createSchemas(client, parseDatabaseUrl(url).parameters.schema)
    await client.query(migrationsTable)
    const applied = await client.query<{ migration_name: string; checksum: string; finished_at: Date | null }>(
      'SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL',
    )
    const known = new Map(applied.rows.map((row) => [row.migration_name, row]))
    for (const { name, sql, checksum } of await readMigrations()) {
      const row = known.get(name)
      if (!row) await apply(client, { name, sql, checksum })
      else if (!row.finished_at)
        throw new SetupError(`migration ${name} failed before: resolve it with "prisma migrate resolve"`)
      else if (row.checksum !== checksum)
        throw new SetupError(`migration ${name} was changed after it had been applied`)
    }
  } finally {
    await client.end() // also gives the advisory lock back
  }
}

/** Creates the schema of the service, if the URL names one, and that of the queue. */
async function createSchemas(client: pg.Client, schema: string | undefined): Promise<void> {
  const names = [schema, queueSchemaOf(schema)].filter((name) => name !== undefined)
  // `IF NOT EXISTS` would need the privilege for existing ones too.
  const { rows } = await client.query<{ name: string }>(
    'SELECT name FROM unnest($1::text[]) AS given(name) WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = name)',
    [names],
  )
  for (const { name } of rows) await client.query(`CREATE SCHEMA ${quoteIdentifier(name)}`)
}

/** Whether migrations were ever applied to the database. */
export async function hasMigrations(db: Database): Promise<boolean> {
  const [table] = await prepared<{ exists: boolean }>(
    db,
  )`SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists`
  return table?.exists === true
}

export interface MigrationState {
  /** The names of migrations that the database lacks. */
  unapplied: string[]
  /** Those that only a newer version of the program has. */
  unknown: string[]
}

/** Compares the migrations of the database with those of the program. */
export async function compareMigrations(db: Database): Promise<MigrationState> {
  const names = await migrationNames()
  const applied = await prepared<{ name: string }>(db)`
    SELECT migration_name AS name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`
  const known = new Set(applied.map(({ name }) => name))
  return {
    unapplied: names.filter((name) => !known.has(name)),
    unknown: [...known].filter((name) => !names.includes(name)).sort(),
  }
}

async function migrationNames(): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort()
}

async function readMigrations() {
  return Promise.all(
    (await migrationNames()).map(async (name) => {
      const sql = await readFile(new URL(`${name}/migration.sql`, directory), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

async function apply(client: pg.Client, { name, sql, checksum }: { name: string; sql: string; checksum: string }) {
  await client.query('BEGIN')
  try {
    await client.query(sql)
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), now(), 1)`,
      [randomUUID(), checksum, name],
    )
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw new Error(`migration ${name} failed and was rolled back`, { cause: error })
  }
}

// As Prisma creates it.
const migrationsTable = `
  CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum VARCHAR(64) NOT NULL,
    finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL,
    logs TEXT,
    rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0
  )`
