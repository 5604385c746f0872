import { afterAll, beforeAll, expect, test } from 'vitest'
import { isPooled } from '../../../../src/store/db/database-url.ts'
import { prepareDatabase } from '../../../../src/store/db/start/prepare.ts'
import { startTestAppOn } from '../../../support/app.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { databaseUrl, query } from '../../../support/database-server.ts'
import { describeWithPeers } from '../../../support/peers/available.ts'
import { type Pgbouncer, startPgbouncer } from '../../../support/peers/pgbouncer.ts'

describeWithPeers(['pgbouncer'], 'a pooler in transaction mode', () => {
  let database: TestDatabase
  let pooler: Pgbouncer
  beforeAll(async () => {
    database = await createTestDatabase()
    pooler = await startPgbouncer(database.url)
  })
  afterAll(async () => {
    await pooler?.stop()
    await database?.drop()
  })

  const prepare = (url: string, more: { directUrl?: string; purpose?: 'read' | 'serve' } = {}) =>
    prepareDatabase(url, { purpose: 'serve', waitMs: 0, signal: new AbortController().signal, log() {}, ...more })
  const setForRole = (statements: readonly string[]) => query(database.url, statements)
  const reset = () => {
    const name = new URL(database.url).pathname.slice(1)
    return setForRole([`ALTER DATABASE ${name} RESET ALL`, `ALTER ROLE postgres IN DATABASE ${name} RESET ALL`])
  }
  const missing = async (url = pooler.url) => {
    const error: Error = await prepare(url, { directUrl: database.url }).catch((error) => error)
    return /as a superuser: (.*); then RECONNECT/.exec(error.message)?.[1]?.split('; ') ?? []
  }

  test('is refused without the URL of PostgreSQL itself', async () => {
    await expect(prepare(pooler.url)).rejects.toThrow(
      'DATABASE_URL: it leads to a pooler, such as pgbouncer; name PostgreSQL itself in DATABASE_DIRECT_URL',
    )
    await expect(prepare(database.url, { directUrl: pooler.url })).rejects.toThrow(
      'DATABASE_DIRECT_URL: it leads to a pooler',
    )
  })

  test('of another database is refused', async () => {
    const directUrl = databaseUrl(database.url, 'postgres')
    await setForRole(await missing())
    const other = await startPgbouncer(database.url)
    await expect(prepare(other.url, { directUrl })).rejects.toThrow('DATABASE_DIRECT_URL names another database')
    await other.stop()
    await reset()
  })

  test('asks for the settings of the role that it does not pass on, and takes the statements that it names', async () => {
    const name = new URL(database.url).pathname.slice(1)
    await setForRole([`ALTER DATABASE ${name} SET timezone = 'Europe/Berlin'`])
    const before = await startPgbouncer(database.url)
    const statements = await missing(before.url)
    await before.stop()
    expect(statements).toContain(`ALTER ROLE "postgres" IN DATABASE "${name}" SET timezone = 'UTC'`)
    await setForRole(statements)
    const other = await startPgbouncer(database.url) // the connections of the first began before
    const { url, directUrl } = await prepare(other.url, { directUrl: database.url })
    expect([isPooled(url), isPooled(directUrl)]).toEqual([true, false])
    expect(new URL(url).port).toBe(new URL(other.url).port)
    await other.stop()
    await reset()
  })

  test('is found also where it ignores the settings, and names a schema that the role must have', async () => {
    const ignoring = await startPgbouncer(database.url, ['ignore_startup_parameters = options'])
    await setForRole(['CREATE SCHEMA other'])
    const own = await missing(`${ignoring.url}?schema=other`)
    expect(own.at(-1)).toMatch(/SET search_path = "other"$/)
    await ignoring.stop()
  })

  test('serves a whole audit, also by a worker that another process wakes', async () => {
    await setForRole(await missing())
    const other = await startPgbouncer(database.url, ['default_pool_size = 3'])
    const env = { DATABASE_URL: other.url, DATABASE_DIRECT_URL: database.url }
    const worker = await startTestAppOn(other.url, env)
    const api = await startTestAppOn(other.url, env)
    await worker.work()
    const params = { openPort: Number(new URL(other.url).port), closedPort: 1 }
    const ids = await Promise.all(Array.from({ length: 10 }, () => api.accept({ params })))
    for (const id of ids) expect(await api.ended(id)).toMatchObject({ status: 'completed' })
    await api.close()
    await worker.close()
    await other.stop()
    await reset()
  })
})
