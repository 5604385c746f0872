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

/** Runs a script as one query, as the native engine does; the adapter splits it at semicolons, even inside comments and bodies. */
class WholeScripts extends PrismaPg {
  override async connect() {
    const adapter = await super.connect()
    adapter.executeScript = async (script) => void (await adapter.underlyingDriver().query(script))
    return adapter
  }
}

/** Works with Prisma's own schema engine, the part behind `prisma migrate` that is there offline, on a database. */
export async function withSchemaEngine<T>(url: string, work: (engine: Engine) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({ connectionString: url })
  try {
    return await work(await openEngine(pool))
  } finally {
    await pool.end() // gives its advisory lock back
  }
}

type Engine = Awaited<ReturnType<typeof openEngine>>

async function openEngine(pool: pg.Pool) {
  const content = readFileSync(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8')
  const adapter = bindMigrationAwareSqlAdapterFactory(new WholeScripts(pool))
  const engine = await SchemaEngine.new({ datamodels: [[path, content]] }, () => {}, adapter)
  return {
    /** The SQL that makes prisma/schema.prisma out of nothing. */
    async renderSchema(): Promise<string> {
      const to = { tag: 'schemaDatamodel' as const, files: [{ path, content }] }
      const { stdout } = await engine.diff({ from: { tag: 'empty' }, to, script: true, exitCode: null, filters })
      return stdout ?? ''
    },
    /** Does what `prisma migrate deploy` does; answers the names of the migrations that it applied. */
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

/** The migrations of the project, in the order in which they are applied. */
export function readMigrations(): Migration[] {
  const entries = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const names = entries.map(({ name }) => name).sort()
  return names.map((name) => ({ name, sql: readFileSync(new URL(`${name}/migration.sql`, directory), 'utf8') }))
}
