import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from './database.ts'
import { query, startDatabaseServer } from './database-server.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const countOf = async (url: string, name: string) =>
  (await query(url, [`SELECT FROM pg_database WHERE datname = '${name}'`])).length
const nameOf = (url: string) => new URL(url).pathname.slice(1)

describe('a test database', () => {
  test('is migrated, has the tables of the queue, and is not shared', async () => {
    const other = await createTestDatabase()
    await query(other.url, [`INSERT INTO rule (policy, name) VALUES ('p', 'r')`])
    expect(await query(database.url, ['SELECT name FROM rule'])).toEqual([])
    expect(await query(database.url, [`SELECT name FROM pgboss.queue WHERE name = 'audit-plan'`])).toHaveLength(1)
    await other.drop()
  })

  test('can be dropped while a client is connected', async () => {
    const { url, drop } = await createEmptyDatabase()
    const sleeping = query(url, ['SELECT pg_sleep(60)']).catch((error: Error) => error.message)
    await drop()
    expect(await sleeping).toMatch(/connection|does not exist/)
    expect(await countOf(database.url, nameOf(url))).toBe(0)
  })
})

describe('a test run that was killed', () => {
  test('leaves databases until the next run on that server, which keeps those of live runs', async () => {
    await query(database.url, [
      'CREATE DATABASE pwtest_dead_1',
      'CREATE DATABASE pwtest_dead_template IS_TEMPLATE true',
    ])
    const next = await startDatabaseServer(await maintenanceUrl())
    try {
      expect(await query(next.url, [`SELECT FROM pg_database WHERE datname LIKE 'pwtest\\_dead\\_%'`])).toEqual([])
      expect(await countOf(next.url, nameOf(database.url))).toBe(1)
    } finally {
      await next.stop()
    }
    expect(await countOf(database.url, next.template)).toBe(0)
  })

  test('leaves neither its server nor its files', async () => {
    const code = `const { startDatabaseServer } = await import(${JSON.stringify(import.meta.resolve('./database-server.ts'))})
      const { url } = await startDatabaseServer('')
      const pg = (await import('pg')).default
      const client = new pg.Client(url)
      await client.connect()
      const { rows } = await client.query(\`SELECT current_setting('data_directory') AS path
        UNION ALL SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'memory'\`)
      console.log(rows.map(({ path }) => path).join(' '))
      process.kill(process.pid, 'SIGKILL')`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: import.meta.dirname,
    })
    const [files, memory] = (await text(child.stdout)).trim().split(' ')
    expect(files).toMatch(/\/postgres$/)
    // The reaper removes the files after the end of the server.
    await expect.poll(() => existsSync(`${files}/..`)).toBe(false)
    if (memory) expect(existsSync(memory)).toBe(false)
  })
})

/** The maintenance database, which holds the locks of runs. */
async function maintenanceUrl(): Promise<string> {
  const rows = await query<{ name: string }>(database.url, [
    `SELECT datname AS name FROM pg_stat_activity WHERE application_name = 'portwarden tests'`,
  ])
  const url = new URL(database.url)
  url.pathname = `/${rows[0]?.name}`
  return url.href
}
