import { afterAll, beforeAll, expect, test } from 'vitest'
import { startService, type TestService } from '../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service?.stop())

test.each([
  ['a table is gone', 'ALTER TABLE webhook RENAME TO gone', '/v1/webhooks'],
  ['a column is gone', 'ALTER TABLE schedule RENAME name TO secret_column', '/v1/schedules'],
])('where %s in the database, a response contains only the id of the request', async (_, statement, path) => {
  await service.query(statement)
  const { status, body } = await service.call('GET', path)
  const requestId = expect.stringMatching(/^[0-9a-f-]{36}$/)
  expect([status, body]).toEqual([500, { type: 'about:blank', title: 'Internal Server Error', status: 500, requestId }])
})
