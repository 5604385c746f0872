import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectionOptions } from '../../../../src/store/db/connection.ts'
import { prepareDatabase } from '../../../../src/store/db/start/prepare.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { databaseUrl, query } from '../../../support/database-server.ts'
import { freePort } from '../../../support/ports.ts'
import { startRelay } from '../../../support/relay.ts'

const role = `pwtest_${randomBytes(4).toString('hex')}`
let database: TestDatabase
let migrated: TestDatabase
beforeAll(async () => {
  database = await createEmptyDatabase()
  migrated = await createTestDatabase()
  await query(database.url, [`CREATE ROLE ${role} LOGIN`])
})
afterAll(async () => {
  await database.drop()
  await migrated.drop()
  await query(databaseUrl(database.url, 'postgres'), [`DROP ROLE ${role}`])
})

const as = (name: string, url: string) => {
  const changed = new URL(url)
  changed.username = name
  return changed.href
}

const prepare = (url: string, { waitMs = 0, signal = new AbortController().signal, log = (_: string) => {} } = {}) =>
  prepareDatabase(url, { purpose: 'serve', waitMs, signal, log })

test('the URL names the schema and the mode of TLS that were found', async () => {
  const { url: prepared, directUrl } = await prepare(database.url)
  expect(directUrl).toBe(prepared)
  const url = new URL(prepared)
  expect(Object.fromEntries(url.searchParams)).toEqual({ schema: 'public', sslmode: 'disable' })
})

test('a time limit of transactions, which PostgreSQL 17 introduced, does not reach the service', async ({ skip }) => {
  const [server] = await query<{ version: number }>(database.url, [
    "SELECT current_setting('server_version_num')::int AS version",
  ])
  skip((server?.version ?? 0) < 170_000)
  const name = new URL(database.url).pathname.slice(1)
  await query(database.url, [`ALTER DATABASE ${name} SET transaction_timeout = '10s'`])
  const client = new pg.Client(connectionOptions((await prepare(database.url)).url, 'test'))
  await client.connect()
  expect((await client.query('SHOW transaction_timeout')).rows).toEqual([{ transaction_timeout: '0' }])
  await client.end()
  await query(database.url, [`ALTER DATABASE ${name} RESET ALL`])
})

describe('a database that the service cannot use is refused with a sentence', () => {
  test('of another encoding', async () => {
    const name = `${new URL(database.url).pathname.slice(1)}_latin`
    const maintenance = databaseUrl(database.url, 'postgres')
    const locale = "LOCALE 'C' LOCALE_PROVIDER libc"
    await query(maintenance, [`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' ${locale}`])
    try {
      await expect(prepare(databaseUrl(database.url, name))).rejects.toThrow(/its encoding is LATIN1.*ENCODING 'UTF8'/)
    } finally {
      await query(maintenance, [`DROP DATABASE ${name} WITH (FORCE)`])
    }
  })

  test('read-only by default', async () => {
    const name = new URL(database.url).pathname.slice(1)
    await query(database.url, [`ALTER DATABASE ${name} SET default_transaction_read_only = on`])
    await expect(prepare(database.url)).rejects.toThrow(/read-only \(default_transaction_read_only = on/)
    await query(database.url, ['SET default_transaction_read_only = off', `ALTER DATABASE ${name} RESET ALL`])
  })

  test('with a search path that leads nowhere', async () => {
    const name = new URL(database.url).pathname.slice(1)
    await query(database.url, [`ALTER DATABASE ${name} SET search_path = nowhere`])
    await expect(prepare(database.url)).rejects.toThrow('no schema of the search path (nowhere) exists')
    await query(database.url, [`ALTER DATABASE ${name} RESET ALL`])
  })

  test('missing', async () => {
    await expect(prepare(databaseUrl(database.url, 'missing'))).rejects.toThrow(
      'DATABASE_URL: database "missing" does not exist; create it, owned by the role of the URL',
    )
  })

  test('for an unknown role', async () => {
    await expect(prepare(as('unknown', database.url))).rejects.toThrow('DATABASE_URL: role "unknown" does not exist')
  })

  test('that the role may not connect to', async () => {
    const name = new URL(database.url).pathname.slice(1)
    await query(database.url, [`REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC`])
    await expect(prepare(as(role, database.url))).rejects.toThrow(/permission denied for database/)
    await query(database.url, [`GRANT CONNECT ON DATABASE ${name} TO PUBLIC`])
  })

  test('whose privileges are missing: each is named, and granting them is enough', async () => {
    const url = as(role, database.url)
    const failure: unknown = await prepare(url).catch((error: unknown) => error)
    const [, statements = ''] = /Run as its owner or as a superuser: (.*)$/.exec(String(failure)) ?? []
    expect(statements.split('; ')).toEqual([
      `GRANT USAGE, CREATE ON SCHEMA public TO ${role}`,
      `CREATE SCHEMA pgboss AUTHORIZATION ${role}`,
    ])
    await query(database.url, statements.split('; '))
    await prepare(url)
    await query(database.url, ['DROP SCHEMA pgboss', `REVOKE ALL ON SCHEMA public FROM ${role}`])
  })

  test('whose new tables go to a tablespace that is closed to the role', async () => {
    const tablespace = 'pg_global' // of no role but superusers
    const url = as(role, database.url)
    await query(database.url, [
      `GRANT USAGE, CREATE ON SCHEMA public TO ${role}`,
      `CREATE SCHEMA pgboss AUTHORIZATION ${role}`,
      `ALTER ROLE ${role} SET default_tablespace = ${tablespace}`,
    ])
    await expect(prepare(url)).rejects.toThrow(`GRANT CREATE ON TABLESPACE ${tablespace} TO ${role}`)
    await query(database.url, [
      `ALTER ROLE ${role} RESET ALL`,
      'DROP SCHEMA pgboss',
      `REVOKE ALL ON SCHEMA public FROM ${role}`,
    ])
  })

  test('whose tables belong to another role, or are closed to it', async () => {
    const owner = `${role}_owner`
    await query(migrated.url, [
      `CREATE ROLE ${owner}`,
      `GRANT USAGE, CREATE ON SCHEMA public, pgboss TO ${role}`,
      `ALTER TABLE target OWNER TO ${owner}`,
    ])
    const failure: unknown = await prepare(as(role, migrated.url)).catch((error: unknown) => error)
    const [, statements = ''] = /Run as its owner or as a superuser: (.*)$/.exec(String(failure)) ?? []
    expect(statements.split('; ')).toContain(`ALTER TABLE public.audit OWNER TO ${role}`)
    expect(statements.split('; ')).toContain(`ALTER TABLE pgboss.job OWNER TO ${role}`)
    expect(statements.split('; ')).toContain(`GRANT ${owner} TO ${role}`)
    await query(migrated.url, [...statements.split('; '), `REVOKE INSERT, UPDATE ON target FROM ${owner}`])
    await expect(prepare(as(role, migrated.url))).rejects.toThrow(
      new RegExp(`superuser: GRANT INSERT, UPDATE ON TABLE public.target TO ${role}$`),
    )
    await query(migrated.url, [`DROP OWNED BY ${owner}`, `DROP ROLE ${owner}`])
  })
})

describe('a server that is away', () => {
  test('is waited for, the log says so, and the start goes on when it is back', async () => {
    const relay = await startRelay(database.url)
    relay.cut()
    const lines: string[] = []
    const waiting = prepare(relay.url, {
      waitMs: 60_000,
      log: (line) => {
        lines.push(line)
        relay.mend() // by the first of them
      },
    })
    expect(new URL((await waiting).url).port).toBe(new URL(relay.url).port)
    expect(lines[0]).toMatch(/^The database does not respond \(.+\); waiting \d+ s more$/)
    await relay.stop()
  })

  test('is given up after the time of the setting, with a sentence that holds no password', async () => {
    const url = `postgresql://portwarden:s3cret@127.0.0.1:${await freePort()}/portwarden`
    const failure: unknown = await prepare(url).catch((error: unknown) => error)
    expect(String(failure)).toMatch(
      /^Error: The database does not respond \(connect ECONNREFUSED .*\); gave up after 0 s$/,
    )
    expect(JSON.stringify([failure, (failure as Error).cause])).not.toContain('s3cret')
  })

  test('is not waited for once the process is stopping', async () => {
    const stopping = new AbortController()
    const url = `postgresql://portwarden@127.0.0.1:${await freePort()}/portwarden`
    const waiting = prepare(url, { waitMs: 3_600_000, signal: stopping.signal, log: () => stopping.abort() })
    await expect(waiting).rejects.toThrow(/gave up after/)
  })

  test('and one that breaks off each connection is too', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    await expect(prepare(`postgresql://a@127.0.0.1:${port}/b`)).rejects.toThrow(/does not respond \(.+\)/)
    server.close()
  })
})
