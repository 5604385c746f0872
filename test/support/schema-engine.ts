import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils'
import { SchemaEngine } from '@prisma/schema-engine-wasm'
import pg from 'pg'

const filters = { externalTables: [], externalEnums: [] }
const path = 'schema.prisma'
const directory = new URL('../../prisma/migrations/', import.meta.url)

interface Migration {
  name: string
  sql: string
}

/** The adapter with what the native engine can do besides: scripts with semicolons in comments and bodies, and the type "char". */
class EngineAdapter extends PrismaPg {
  override async connect() {
    const adapter = await super.connect()
    const pool = adapter.underlyingDriver()
    const characters = new WeakMap<object, number[]>()
    const query = pool.query.bind(pool) as (statement: pg.QueryConfig) => Promise<pg.QueryResult>
    pool.query = (async (statement: pg.QueryConfig) => {
      const result = await query(statement)
      const quotedChars = (result.fields ?? []).flatMap((field, i) => (field.dataTypeID === quotedChar ? [i] : []))
      for (const i of quotedChars) Object.assign(result.fields[i] ?? {}, { dataTypeID: text })
      if (quotedChars.length > 0) characters.set(result.rows, quotedChars)
      return result
    }) as typeof pool.query
    const queryRaw = adapter.queryRaw.bind(adapter)
    adapter.queryRaw = async (statement) => {
      const result = await queryRaw(statement)
      for (const i of characters.get(result.rows) ?? []) result.columnTypes[i] = ColumnTypeEnum.Character
      return result
    }
    adapter.executeScript = async (script) => void (await pool.query(script))
    return adapter
  }
}

const quotedChar = 18
const text = 25

/** Works with Prisma's own schema engine, the part behind `prisma migrate` that is there offline, on a database. */
export async function withSchemaEngine<T>(url: string, work: (engine: Engine) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({ connectionString: url })
  try {
    return await work(await openEngine(pool))
  } finally {
    await pool.end() // releases its advisory lock
  }
}

/** The engine over the files of a schema, each with its path. */
export const openWasmEngine = (pool: pg.Pool, datamodels: [path: string, content: string][]): Promise<SchemaEngine> =>
  SchemaEngine.new({ datamodels }, () => {}, bindMigrationAwareSqlAdapterFactory(new EngineAdapter(pool)))

type Engine = Awaited<ReturnType<typeof openEngine>>

async function openEngine(pool: pg.Pool) {
  const content = readFileSync(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8')
  const engine = await openWasmEngine(pool, [[path, content]])
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
