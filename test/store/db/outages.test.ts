import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, type DatabaseHandle, openDatabase } from '../../../src/store/db/database.ts'
import { isUnavailable, throughOutages } from '../../../src/store/db/outages.ts'
import { freePorts } from '../../support/ports.ts'
import { type Relay, startRelay } from '../../support/relay.ts'
import { openTestStores, type TestStores } from '../../support/stores.ts'

/** What the driver throws where no server listens. */
async function unreachable(): Promise<unknown> {
  const [port] = await freePorts(1)
  const database = openDatabase(`postgresql://user@127.0.0.1:${port}/nothing`, { connections: 1 })
  return database.ping().then(
    () => undefined,
    (error: unknown) => error,
  )
}

test('a database that does not respond is an outage, and a programming error is none', async () => {
  expect(isUnavailable(await unreachable())).toBe(true)
  expect(isUnavailable(new Error('a programming error'))).toBe(false)
})

test('work outlasts an outage that ends in time', async () => {
  const error = await unreachable()
  let tries = 0
  const done = throughOutages(async () => {
    tries += 1
    if (tries < 3) throw error
    return 'recorded'
  })
  expect(await done).toBe('recorded')
  expect(tries).toBe(3)
})

test('a long outage is reported when the patience ends', async () => {
  const error = await unreachable()
  await expect(throughOutages(() => Promise.reject(error), 50)).rejects.toBe(error)
})

test('an error that is no outage is thrown immediately', async () => {
  let tries = 0
  const failing = throughOutages(async () => {
    tries += 1
    throw new Error('a programming error')
  })
  await expect(failing).rejects.toThrow('a programming error')
  expect(tries).toBe(1)
})

/** Errors of a caller, which no retry mends. */
const callerErrors = [
  'Client has already been connected',
  'A query must have either text or a name',
  'Prepared statements must be unique',
  'Query values must be an array',
  'Client was passed a null or undefined query',
  'callback is not a function',
  'Passing a function as the first parameter',
  'Release called on client which has already been released',
  'Called end on pool more than once',
  'Password must be a string',
  'unexpected condition',
  'first argument must be a Buffer',
  'second argument must be a Buffer',
  'Buffer lengths must match',
  'Buffers cannot be empty',
  // of a query with a portal of its own
  '$',
]

test('every error that the driver and its pool make themselves is an outage, or an error of the caller', () => {
  const require = createRequire(import.meta.url)
  const driver = dirname(require.resolve('pg'))
  const files = ['client.js', 'connection.js', 'query.js', 'crypto/sasl.js'].map((file) => join(driver, file))
  const texts = [...files, require.resolve('pg-pool')].flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/new (?:Type)?Error\(\s*(['"`])(.+?)\1/g)].map((match) => match[2] ?? ''),
  )
  expect(texts.length).toBeGreaterThan(30)
  const unclassified = texts.filter(
    (text) => !isUnavailable(new Error(text)) && !callerErrors.some((callerError) => text.startsWith(callerError)),
  )
  expect(unclassified).toEqual([])
})

test.each([
  ['08006', true],
  ['25006', true],
  ['28P01', true],
  ['40P01', true],
  ['57P01', true],
  ['57014', true],
  ['EHOSTUNREACH', true],
  ['P2028', true],
  ['23505', false],
  ['42P01', false],
  ['22P02', false],
  ['P2002', false],
])('an error with the code %s is an outage: %s', (code, expected) => {
  expect(isUnavailable(Object.assign(new Error('x'), { code }))).toBe(expected)
})

describe('a connection that breaks', () => {
  let stores: TestStores
  let relay: Relay
  let database: DatabaseHandle
  beforeAll(async () => {
    stores = await openTestStores({ connections: 2 })
    relay = await startRelay(stores.url)
    database = openDatabase(relay.url, { connections: 3 })
  })
  afterAll(async () => {
    await database.close()
    await relay.stop()
    await stores.close()
  })
  /** Ends when the server has ended its connections of this test. */
  const terminate = async () => {
    await stores.query(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'portwarden' AND state = 'idle in transaction'`,
    )
  }
  const ways = { 'is cut': async () => relay.cut(), 'is terminated by the server': terminate }
  const steps: Record<string, (tx: Database) => Promise<unknown>> = {
    'before a raw query': (tx) => tx.$queryRaw`SELECT 1`,
    'before a query of a model': (tx) => tx.target.findFirst(),
    'before a statement': (tx) => tx.$executeRaw`SELECT 1`,
    'before a nested transaction': (tx) => tx.$transaction(async (inner) => inner.target.findFirst()),
    'before its commit': async () => {},
  }
  for (const [way, breakOff] of Object.entries(ways)) {
    test.each(Object.entries(steps))(`${way} in a transaction, %s: it is an outage`, async (_, next) => {
      const work = database.transaction(async (tx) => {
        await tx.target.findFirst()
        await breakOff()
        await next(tx)
      })
      const failure: unknown = await work.then(
        () => undefined,
        (error: unknown) => error,
      )
      relay.mend()
      expect(isUnavailable(failure)).toBe(true)
      await expect.poll(() => database.ping()).not.toBe(false) // a connection that the server ended may be met once more
    })
  }
})
