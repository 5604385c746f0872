import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { environment, portwarden } from '../support/commands.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type PeerProcess, spawnPeer } from '../support/processes.ts'
import { type Relay, startRelay } from '../support/relay.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

const main = portwarden('serve')
const password = 's3cret-of-the-database'

let database: TestDatabase
let relay: Relay
let directory: TempDir
let service: PeerProcess | undefined
beforeAll(async () => {
  database = await createTestDatabase()
  const url = new URL(database.url)
  url.password = password
  relay = await startRelay(url.href)
  directory = await makeTempDir('start')
})
afterAll(async () => {
  await relay.stop()
  await database.drop()
  await directory.remove()
})
beforeEach(() => relay.cut())
afterEach(() => service?.end())

const start = async (env: Record<string, string>, ready?: RegExp) => {
  service = await spawnPeer(process.execPath, [...main], {
    env: environment(relay.url, { PORT: '0', PORTWARDEN_DATA_DIR: directory.path, ...env }),
    ...(ready && { ready }),
  })
  return service
}

test('a start while the database is away waits, says so, and goes on when the database is back', async () => {
  const started = await start({}, /The database does not respond \(.*\); waiting \d+ s more/)
  relay.mend()
  await started.logged(/^Portwarden \S+ at http/m)
  expect(started.log()).not.toContain(password)
})

test('without time to wait it ends with one sentence, and no stack trace', async () => {
  const started = await start({ PORTWARDEN_DATABASE_WAIT_MS: '0' })
  expect(await started.exited).toBe(2)
  const said = await started.logged(/^portwarden: The database does not respond \(.*\); gave up after 0 s\n/m)
  expect(said).toBeDefined()
  expect(started.log()).not.toMatch(/\n {4}at |s3cret/)
})

test('SIGTERM ends the wait immediately', async () => {
  const started = await start({ PORTWARDEN_DATABASE_WAIT_MS: '3600000' }, /does not respond/)
  process.kill(started.pid, 'SIGTERM')
  expect(await started.exited).toBe(0)
})
