import pino from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
const lines: Record<string, unknown>[] = []
beforeAll(async () => {
  const log = pino({ level: 'info', base: null }, { write: (line) => void lines.push(JSON.parse(line)) })
  service = await startService({ working: false, log })
})
afterAll(() => service.stop())
beforeEach(() => {
  lines.length = 0
})

test('a request is one line: key, method, URL, status and duration', async () => {
  await service.call('GET', '/v1/targets?limit=1')
  const keyId = service.key.split('_')[1]
  const line = { method: 'GET', url: '/v1/targets?limit=1', key: keyId, status: 200, requestId: expect.any(String) }
  expect(lines).toEqual([expect.objectContaining({ ...line, tookMs: expect.any(Number), msg: 'request completed' })])
})

test('a request without a key is one line, too', async () => {
  await service.call('GET', '/nothing', { key: null })
  expect(lines).toEqual([expect.objectContaining({ url: '/nothing', status: 404 })])
})

test('a failure is logged under the id that the response shows', async () => {
  await service.query('ALTER TABLE webhook RENAME TO gone')
  const { body } = await service.call('GET', '/v1/webhooks')
  expect(lines.map(({ requestId, msg }) => ({ requestId, msg }))).toEqual([
    { requestId: body.requestId, msg: 'request failed' },
    { requestId: body.requestId, msg: 'request completed' },
  ])
})
