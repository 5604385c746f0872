import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../../src/store/db/migrate.ts'
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts'
import { query } from '../../support/database-server.ts'
import { run } from '../../support/processes.ts'
import { readMigrations } from '../../support/schema-engine.ts'
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts'

const root = resolve(import.meta.dirname, '../../..')

let database: TestDatabase
let directory: TempDir
let engine: string
beforeAll(async () => {
  database = await createEmptyDatabase()
  directory = await makeTempDir('engine')
  engine = join(directory.path, 'engine')
  const program = join(root, 'test/support/schema-engine-binary.ts')
  await writeFile(engine, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, { mode: 0o755 })
})
afterAll(async () => {
  await database.drop()
  await directory.remove()
})

/** Runs `npx prisma …` with the shipped configuration, and the engine in WebAssembly instead of the native one. */
const prisma = (...argv: string[]) =>
  run(process.execPath, [join(root, 'node_modules/prisma/build/index.js'), ...argv], {
    cwd: root,
    env: { PATH: process.env.PATH, DATABASE_URL: database.url, PRISMA_SCHEMA_ENGINE_BINARY: engine },
  })

const names = readMigrations().map(({ name }) => name)

test('prisma migrate deploys what is missing, and then finds nothing left', async () => {
  const before = await prisma('migrate', 'status')
  expect(before.stdout).toContain(names.at(-1))
  expect(await prisma('migrate', 'deploy')).toMatchObject({ code: 0 })
  expect(await query(database.url, ['SELECT count(*)::int FROM _prisma_migrations'])).toEqual([{ count: names.length }])
  const after = await prisma('migrate', 'status')
  expect([after.code, after.stdout]).toEqual([0, expect.stringContaining('Database schema is up to date')])
  await migrate(database.url) // the service agrees
})

test('prisma db pull finds every table with the columns of the schema', async () => {
  await migrate(database.url)
  const pulled = await prisma('db', 'pull', '--print')
  const fieldsIn = (text: string) =>
    text
      .split('\n')
      .filter((line) => /^ {2}\w/.test(line))
      .map((line) => line.replace(/\s+/g, ' '))
      .sort()
  const schema = await readFile(join(root, 'prisma/schema.prisma'), 'utf8')
  // The same default: with now() the client would send the time of its own clock.
  const written = schema.replaceAll('dbgenerated("CURRENT_TIMESTAMP")', 'now()')
  expect(fieldsIn(pulled.stdout)).toEqual(expect.arrayContaining(fieldsIn(written)))
})

// A difference is exit code 2. Code 1 is an error of the command line itself, which came once in a dozen runs.
test('prisma migrate diff finds no difference between the database and the schema', { retry: 2 }, async () => {
  await migrate(database.url)
  const diff = await prisma(
    'migrate',
    'diff',
    '--from-config-datasource',
    '--to-schema',
    'prisma/schema.prisma',
    '--exit-code',
  )
  expect([diff.code, diff.stderr]).toEqual([0, expect.any(String)])
})
