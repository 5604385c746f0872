import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withoutObjects } from '../../src/app/log.ts'
import { connectionOptions } from '../../src/store/db/connection.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { query } from '../support/database-server.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createEmptyDatabase()
})
afterAll(() => database.drop())

/** What a pool reports when the server ends an idle connection: the driver attaches its client. */
async function lostConnection(): Promise<{ error: Error & { client?: pg.Client }; secretKey: number }> {
  const pool = new pg.Pool(connectionOptions(database.url, 'lost'))
  const client = await pool.connect()
  const { secretKey } = client as unknown as { secretKey: number }
  client.release()
  const lost = once(pool, 'error')
  await query(database.url, ["SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lost'"])
  const [error] = await lost
  await pool.end()
  return { error, secretKey }
}

test('a logged error of the driver holds its code, and neither its client nor the key that cancels queries', async () => {
  const { error, secretKey } = await lostConnection()
  expect(error.client).toBeDefined()
  const outer = new Error('outer', { cause: error })
  const logged = JSON.stringify([withoutObjects(error), withoutObjects(outer), withoutObjects({ nested: [error] })])
  expect(logged).toContain('57P01')
  expect(logged).not.toContain(String(secretKey))
  expect(logged).not.toMatch(/secretKey|connectionParameters|processID/)
})

test('plain fields of an error stay, and other objects go', () => {
  const error = Object.assign(new TypeError('wrong'), {
    code: 'E1',
    issues: [{ pointer: '/a' }],
    socket: new (class Socket {})(),
    call: () => {},
  })
  expect(withoutObjects(error)).toEqual({
    type: 'TypeError',
    message: 'wrong',
    stack: error.stack,
    code: 'E1',
    issues: [{ pointer: '/a' }],
  })
})

test('the log of the process and of its requests leaves the client out', async () => {
  const program = `
    import { fastify } from 'fastify'
    import { openLog } from '${import.meta.dirname}/../../src/app/log.ts'
    class Client { secretKey = 4711 }
    const error = Object.assign(new Error('lost'), { code: '57P01', client: new Client() })
    const log = openLog('info')
    log.error({ err: error }, 'queue')
    log.error(error)
    fastify({ loggerInstance: log }).log.error({ err: error }, 'request failed')`
  const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  expect(stderr.match(/57P01/g)).toHaveLength(3)
  expect(stderr).not.toContain('4711')
})
