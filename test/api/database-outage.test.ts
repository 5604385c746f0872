import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildServer } from '../../src/api/server.ts'
import { startTestAppOn, type TestApp } from '../support/app.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Relay, startRelay } from '../support/relay.ts'

let database: TestDatabase
let relay: Relay
let app: TestApp
let server: Awaited<ReturnType<typeof buildServer>>
beforeAll(async () => {
  database = await createTestDatabase()
  relay = await startRelay(database.url)
  // No pooler of the run: the relay is the way to the server.
  app = await startTestAppOn(relay.url, { DATABASE_URL: relay.url, DATABASE_DIRECT_URL: '' })
  await app.work()
  server = await buildServer(app.serverParts)
})
afterAll(async () => {
  await server.close()
  await app.stop()
  await relay.stop()
  await database.drop()
})

const get = (url: string, headers: Record<string, string> = {}) => server.inject({ method: 'GET', url, headers })

test('while the database is away the service lives, is not ready, and says so; when it is back, so is the service', async () => {
  const headers = { authorization: `Bearer ${await app.stores.keys.create('test', ['admin'])}` }
  expect((await get('/readyz')).statusCode).toBe(200)

  relay.cut()
  const away = await get('/readyz')
  expect(away.statusCode).toBe(503)
  expect(away.headers['content-type']).toMatch(/^application\/problem\+json/)
  expect(away.json()).toMatchObject({ status: 503, detail: 'the database does not respond' })
  expect((await get('/livez')).statusCode).toBe(200)
  expect((await get('/v1/targets/any', headers)).statusCode).toBe(503)
  const refused = await get('/v1/targets', headers)
  expect(refused.statusCode).toBe(503)
  expect(refused.headers['retry-after']).toMatch(/^\d+$/)
  expect(refused.json()).toMatchObject({ status: 503, requestId: expect.any(String) })
  expect(refused.body).not.toMatch(/ECONN|prisma|127\.0\.0\.1/i)

  relay.mend()
  expect((await get('/readyz')).statusCode).toBe(200)
  expect((await get('/v1/targets', headers)).statusCode).toBe(200)
  expect((await get('/v1/targets/any', headers)).statusCode).toBe(404)
  const auditId = await app.accept({ params: { openPort: 1, closedPort: 1 } })
  expect(await app.ended(auditId)).toMatchObject({ status: 'completed' })
})
