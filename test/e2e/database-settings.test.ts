import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestAppOn, type TestApp } from '../support/app.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { query } from '../support/database-server.ts'
import { hostileSettings } from '../support/hostile-settings.ts'

let database: TestDatabase
let app: TestApp

beforeAll(async () => {
  database = await createEmptyDatabase()
  await query(database.url, hostileSettings(database.url))
  app = await startTestAppOn(database.url)
  await app.work()
})
afterAll(async () => {
  await app?.stop()
  await database.drop()
})

test('migrations, queue, recording, ledger and reports work under every session setting of the database', async () => {
  const id = await app.accept({ params: { openPort: 1, closedPort: 1 } })
  const audit = await app.ended(id)
  expect(audit).toMatchObject({ status: 'completed', verdict: 'fail' })
  const findings = await app.findings(id)
  expect(findings.length).toBeGreaterThan(0)
  const times = [audit.createdAt, ...findings.flatMap(({ observedAt }) => observedAt ?? [])]
  for (const time of times) expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000)
  expect(await app.stores.ledger.verify({ from: 1, limit: 1_000, findings: 1_000 })).toMatchObject({
    verdict: 'intact',
  })
})
