import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import { SchemaEngine } from '@prisma/schema-engine-wasm'
import pg from 'pg'

const filters = { externalTables: [], externalEnums: [] }
const path = 'schema.prisma'
const directory = new URL('../../prisma/migrations/', import.meta.url)

interface Migration {
  name: string
  sql: string
}

/** Runs a script as one query, like the native engine; the adapter would split it at every semicolon. */
class WholeScripts extends PrismaPg {
  override async connect() {
    const adapter = await super.connect()
    adapter.executeScript = async (script) => void (await adapter.underlyingDriver().query(script))
    return adapter
  }
}

/** Prisma's schema engine, behind `prisma migrate`, on a database; works offline. */
export async function withSchemaEngine<T>(url: string, work: (engine: Engine) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({ connectionString: url })
  try {
    return await work(await openEngine(pool))
  } finally {
    await pool.end() // releases its advisory lock
  }
}

type Engine = Awaited<ReturnType<typeof openEngine>>

async function openEngine(pool: pg.Pool) {
  const content = readFileSync(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8')
  const adapter = bindMigrationAwareSqlAdapterFactory(new WholeScripts(pool))
  const engine = await SchemaEngine.new({ datamodels: [[path, content]] }, () => {}, adapter)
  return {
    /** The SQL that creates prisma/schema.prisma. */
    async renderSchema(): Promise<string> {
      const to = { tag: 'schemaDatamodel' as const, files: [{ path, content }] }
      const { stdout } = await engine.diff({ from: { tag: 'empty' }, to, script: true, exitCode: null, filters })
      return stdout ?? ''
    },
    /** Like `prisma migrate deploy`; returns the names of the applied migrations. */
    async deploy(migrations: readonly Migration[] = readMigrations()): Promise<string[]> {
      const migrationsList = {
        baseDir: fileURLToPath(directory),
        lockfile: {
          path: 'migration_lock.toml',
          content: readFileSync(new URL('migration_lock.toml', directory), 'utf8'),
        },
        shadowDbInitScript: '',
        migrationDirectories: migrations.map(({ name, sql }) => ({
          path: name,
          migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } },
        })),
      }
      return (await engine.applyMigrations({ migrationsList, filters })).appliedMigrationNames
    },
  }
}

/** The migrations of the project, in order. */
export function readMigrations(): Migration[] {
  const entries = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const names = entries.map(({ name }) => name).sort()
  return names.map((name) => ({ name, sql: readFileSync(new URL(`${name}/migration.sql`, directory), 'utf8') }))
}
